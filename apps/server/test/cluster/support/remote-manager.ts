import { join } from 'node:path';
import { pino } from 'pino';
import { loadConfig } from '../../../src/config.ts';
import type {
  PreparedWorkspace,
  StepProgress,
  WorkspaceSpec,
} from '../../../src/execution/interfaces/workspace-manager.ts';
import type { Cluster } from '../../../src/execution/remote/kubernetes/cluster.ts';
import { connectCluster } from '../../../src/execution/remote/kubernetes/connect.ts';
import type { WarmWorkspaces } from '../../../src/execution/remote/workspaces/create-pod.ts';
import { RemoteWorkspaceManager } from '../../../src/execution/remote/workspaces/remote-workspace-manager.ts';
import { writeGitConfig } from '../../../src/git/git-config.ts';
import { openMirrorBundle } from '../../../src/git/mirror-bundle.ts';
import { MirrorCache } from '../../../src/git/mirror-cache.ts';
import { parseRepository } from '../../../src/git/repository-source.ts';
import { temporaryDirectory } from '../../support/git-repository.ts';
import type { ClusterTest } from './cluster.ts';
import { remoteEnvironment } from './remote-server.ts';

/** A manager of workspaces in the namespace of a test, as a server that just started has one. */
export interface ManagerUnderTest extends AsyncDisposable {
  readonly manager: RemoteWorkspaceManager;
  readonly cluster: Cluster;
}

export interface ManagerOptions {
  /** Settings besides those of small pods. */
  environment?: Record<string, string>;
  warm?: WarmWorkspaces;
  /** Stands in the way of the cluster, to let it fail. */
  through?(cluster: Cluster): Cluster;
}

/** Connects anew: nothing is known of what an earlier manager did. */
export async function openManager(
  { namespace }: ClusterTest,
  { environment = {}, warm, through = (cluster) => cluster }: ManagerOptions = {},
): Promise<ManagerUnderTest> {
  const directory = await temporaryDirectory();
  const config = loadConfig({ ...remoteEnvironment(namespace), ...environment }).remote;
  const log = pino({ level: 'silent' });
  const cluster = await connectCluster(config, log);
  const git = await writeGitConfig(join(directory.path, 'git'), { PATH: process.env.PATH ?? '' });
  const manager = new RemoteWorkspaceManager({
    cluster: through(cluster),
    config,
    log,
    mirrors: new MirrorCache(join(directory.path, 'mirrors'), git),
    resolveRepository: async (repository) =>
      parseRepository(repository, { samplePath: '', allowLocal: true }),
    openBundle: (mirror, signal) => openMirrorBundle(git, mirror, signal),
    archivesDir: join(directory.path, 'archives'),
    ...(warm === undefined ? {} : { warm }),
  });
  return {
    manager,
    cluster,
    async [Symbol.asyncDispose]() {
      await manager.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** What a workspace is made from in these tests. */
export function specOf(taskId: string, repository = '/nowhere'): WorkspaceSpec {
  return { taskId, userId: 'user', repository, baseBranch: undefined, branch: `shadow/${taskId}` };
}

/** Progress that is kept. */
export function keptProgress(signal: AbortSignal = new AbortController().signal): StepProgress & {
  lines: string[];
} {
  const lines: string[] = [];
  return { signal, lines, log: (text) => lines.push(text) };
}

/** Runs steps in order. @throws ShadowError of the first that fails */
export async function runSteps(
  { manager }: ManagerUnderTest,
  spec: WorkspaceSpec,
  progress: StepProgress = keptProgress(),
  names: readonly string[] = ['CREATE_POD', 'WAIT_SIDECAR_READY', 'CLONE_TO_POD'],
): Promise<PreparedWorkspace | undefined> {
  let prepared: PreparedWorkspace | undefined;
  for (const step of manager.steps().filter(({ name }) => names.includes(name))) {
    const result = await step.run(spec, progress);
    if (!result.success) throw Object.assign(new Error(result.error.message), { error: result.error });
    prepared = result.prepared ?? prepared;
  }
  return prepared;
}
