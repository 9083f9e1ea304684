import { join } from 'node:path';
import {
  connectProcessHost,
  createInProcessHost,
  createProcessOperations,
  createWorkspaceEngine,
  type ProcessHost,
  startProcessHost,
} from '@shadow/workspace';
import { describeToolExecutor, type SetUp } from '../../src/execution/conformance/index.ts';
import { makeDiskWorkspace } from './support/disk-workspace.ts';

/** The engine on this machine's disk, its processes in a host made by `openHost`. */
function engineOver(openHost: (directory: string) => Promise<ProcessHost>): SetUp {
  return async ({ repository }) => {
    const workspace = makeDiskWorkspace(repository);
    const { root, stateDir, environment, seed } = workspace;
    const host = await openHost(join(workspace.base, 'host'));
    const context = { root, stateDir, environment };
    const engine = createWorkspaceEngine(context, { processes: createProcessOperations(context, host) });
    const capabilities = {
      ...host.capabilities,
      ...engine.capabilities,
      isolation: 'none',
      suspend: false,
    } as const;
    return {
      executor: Object.assign(engine, { capabilities }),
      capabilities,
      seed,
      root,
      async dispose() {
        await engine.close();
        await host.shutdown();
        workspace.remove();
      },
    };
  };
}

describeToolExecutor(
  'local, processes in the process itself',
  engineOver(() => createInProcessHost()),
);

describeToolExecutor(
  'local, processes in a daemon',
  engineOver(async (directory) => {
    const { socketPath } = await startProcessHost({ directory });
    return await connectProcessHost(socketPath);
  }),
);
