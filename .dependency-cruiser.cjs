/** The arrows of docs/architecture.md. */
const only = (name, from, allowed) => ({
  name,
  severity: 'error',
  from: { path: from },
  to: { path: '^(apps|packages)/', pathNot: [from, 'node_modules/', ...allowed] },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolvable', severity: 'error', from: { pathNot: 'dist/' }, to: { couldNotResolve: true } },
    only('protocol-depends-on-nothing', '^packages/protocol/src/', []),
    only('client-sees-protocol', '^packages/client/src/', ['^packages/protocol/']),
    only('workspace-sees-protocol', '^packages/workspace/src/', ['^packages/protocol/']),
    only('db-depends-on-nothing', '^packages/db/src/', ['^packages/protocol/']),
    only('web-sees-client-and-protocol', '^apps/web/src/', ['^packages/(client|protocol)/']),
    only('cli-sees-client-and-protocol', '^apps/cli/src/', ['^packages/(client|protocol)/']),
    only('sidecar-sees-workspace-and-protocol', '^apps/sidecar/src/', ['^packages/(workspace|protocol)/']),
    only('server-sees-workspace-db-protocol', '^apps/server/src/', ['^packages/(workspace|db|protocol)/']),
    {
      name: 'modes-never-see-each-other',
      severity: 'error',
      from: { path: '^apps/server/src/execution/(local|remote|mock)/' },
      to: {
        path: '^apps/server/src/execution/(local|remote|mock)/',
        pathNot: '^apps/server/src/execution/$1/',
      },
    },
    {
      name: 'modes-only-behind-the-factory',
      severity: 'error',
      from: { path: '^apps/server/src/', pathNot: '^apps/server/src/(execution/|compose|open-workspaces)' },
      to: { path: '^apps/server/src/execution/(local|remote|mock)/' },
    },
    {
      name: 'kubernetes-only-in-remote',
      severity: 'error',
      from: { path: '^(apps|packages)/', pathNot: '^apps/server/(src/execution/remote/|test/)' },
      to: { path: 'node_modules/@kubernetes/client-node' },
    },
    {
      name: 'environment-only-in-config',
      severity: 'error',
      from: { path: '^apps/server/src/', pathNot: '^apps/server/src/(main|config)' },
      to: { path: '^node:process$|^process$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|generated|coverage|fixtures)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node'] },
  },
};
