import { join } from 'node:path';
import {
  connectProcessHost,
  createInProcessHost,
  createProcessOperations,
  createWorkspaceEngine,
  findBubblewrap,
  machineCapabilities,
  type ProcessHost,
  type RunAs,
  startProcessHost,
  type WorkspaceContext,
} from '@shadow/workspace';
import { describeToolExecutor, type SetUp } from '../../src/execution/conformance/index.ts';
import { makeDiskWorkspace } from './support/disk-workspace.ts';
import { startGitServer } from './support/git-server.ts';

type Isolation = WorkspaceContext['isolation'];

interface Surroundings {
  openHost?: (directory: string) => Promise<ProcessHost>;
  /** Absent for commands with the rights of their user. */
  isolation?: Isolation;
  /** Absent for commands that run as this process does. */
  runAs?: RunAs;
}

/** The engine on this machine's disk. */
function engineIn({ openHost = () => createInProcessHost(), isolation, runAs }: Surroundings): SetUp {
  return async ({ repository }) => {
    const workspace = makeDiskWorkspace(repository, runAs);
    const { root, stateDir, environment, seed } = workspace;
    const host = await openHost(join(workspace.base, 'host'));
    const context = {
      root,
      stateDir,
      environment,
      ...(isolation === undefined ? {} : { isolation }),
      ...(runAs === undefined ? {} : { runAs }),
    };
    const engine = createWorkspaceEngine(context, { processes: createProcessOperations(context, host) });
    const capabilities = { ...machineCapabilities(host, isolation), suspend: false, taskResources: false };
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

const remotes = () => startGitServer();

describeToolExecutor('local, processes in the process itself', engineIn({}), { remotes });

describeToolExecutor(
  'local, processes in a daemon',
  engineIn({
    openHost: async (directory) => {
      const { socketPath } = await startProcessHost({ directory });
      return await connectProcessHost(socketPath);
    },
  }),
  { remotes },
);

const canIsolate = (await findBubblewrap()) !== undefined;
const isolation = { network: false };
if (canIsolate) {
  describeToolExecutor('local, commands inside bubblewrap', engineIn({ isolation }), { remotes });
}

const NOBODY = { uid: 65_534, gid: 65_534 };
if (process.getuid?.() === 0) {
  const parts = process.env.SHADOW_SOAK === undefined ? 'representative' : 'all';
  describeToolExecutor('local, commands as another user', engineIn({ runAs: NOBODY }), { parts, remotes });
  if ((await findBubblewrap(NOBODY)) !== undefined) {
    const setUp = engineIn({ runAs: NOBODY, isolation });
    describeToolExecutor('local, commands as another user inside bubblewrap', setUp, { parts, remotes });
  }
}
