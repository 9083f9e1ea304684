import { join } from 'node:path';
import {
  connectProcessHost,
  createInProcessHost,
  createProcessOperations,
  createWorkspaceEngine,
  type ProcessHost,
  startProcessHost,
  type WorkspaceContext,
} from '@shadow/workspace';
import { describeToolExecutor, type SetUp } from '../../src/execution/conformance/index.ts';
import { makeDiskWorkspace } from './support/disk-workspace.ts';

type Isolation = WorkspaceContext['isolation'];

/**
 * The engine on this machine's disk, its processes in a host made by `openHost`.
 * @param isolation undefined for commands with the rights of this process
 */
function engineOver(openHost: (directory: string) => Promise<ProcessHost>, isolation?: Isolation): SetUp {
  return async ({ repository }) => {
    const workspace = makeDiskWorkspace(repository);
    const { root, stateDir, environment, seed } = workspace;
    const host = await openHost(join(workspace.base, 'host'));
    const context = { root, stateDir, environment, ...(isolation === undefined ? {} : { isolation }) };
    const engine = createWorkspaceEngine(context, { processes: createProcessOperations(context, host) });
    const capabilities = {
      ...host.capabilities,
      ...engine.capabilities,
      isolation: isolation === undefined ? 'none' : host.capabilities.isolation,
      suspend: false, taskResources: false,
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

const probe = await createInProcessHost();
const canIsolate = probe.capabilities.isolation === 'bubblewrap';
await probe.shutdown();

if (canIsolate) {
  describeToolExecutor(
    'local, commands inside bubblewrap',
    engineOver(() => createInProcessHost(), { network: false }),
  );
}
