// npm run test:cluster [-- vitest arguments]: remote mode on the Kubernetes that KUBECONFIG names. The tests make and
// delete namespaces of their own, so point it at a cluster that may be used for that. SHADOW_REQUIRE_CLUSTER=1 makes a
// missing cluster an error.
import { requireNode, turbo } from './build.mjs';
import { run } from './run.mjs';

requireNode();
if (!process.env.KUBECONFIG) {
  const isRequired = process.env.SHADOW_REQUIRE_CLUSTER === '1';
  console.log(`${isRequired ? 'FAILED' : 'SKIPPED'}: the cluster tests need a Kubernetes; set KUBECONFIG.`);
  process.exit(isRequired ? 1 : 0);
}
await turbo('build');
const retry = process.env.CI ? ['--retry=2'] : [];
process.exit(
  run('vitest', ['run', '--config', 'vitest.cluster.config.ts', ...retry, ...process.argv.slice(2)]),
);
