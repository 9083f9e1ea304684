import { unwrap } from '@shadow/protocol';
import { pino } from 'pino';
import { describeToolExecutor } from '../../src/execution/conformance/index.ts';
import { startSidecarProcess } from '../../src/execution/conformance/sidecar-process.ts';
import { createRemoteToolExecutor } from '../../src/execution/remote/create-remote-tool-executor.ts';
import { makeDiskWorkspace } from './support/disk-workspace.ts';
import { startGitServer } from './support/git-server.ts';

const TOKEN = 'a-token-for-tests-only';

describeToolExecutor(
  'remote, over a sidecar process on loopback',
  async ({ repository }) => {
    const workspace = makeDiskWorkspace(repository);
    const { root, stateDir, environment, seed } = workspace;
    const sidecar = await startSidecarProcess({ workspaceDir: root, stateDir, token: TOKEN, environment });
    const { executor } = unwrap(
      await createRemoteToolExecutor({
        baseUrl: sidecar.baseUrl,
        token: TOKEN,
        log: pino({ level: 'silent' }),
      }),
    );
    return {
      executor,
      capabilities: executor.capabilities,
      seed,
      root,
      async dispose() {
        await executor.close();
        await sidecar.stop();
        workspace.remove();
      },
    };
  },
  { remotes: () => startGitServer() },
);
