import type { Readable } from 'node:stream';
import { failure, type InitStepName, type Result, ShadowError, unwrap } from '@shadow/protocol';
import type { Logger } from 'pino';
import type { RemoteConfig } from '../../../config/remote-config.ts';
import { archiveWork } from '../../../git/archive-work.ts';
import type { MirrorCache } from '../../../git/mirror-cache.ts';
import type { RepositorySource } from '../../../git/repository-source.ts';
import { unsavedWork } from '../../../git/unsaved-work.ts';
import { caught } from '../../caught.ts';
import type { ToolExecutor } from '../../interfaces/tool-executor.ts';
import type { Capabilities } from '../../interfaces/types.ts';
import type {
  InitializationStep,
  PreparedWorkspace,
  StepProgress,
  UnsavedWork,
  WorkspaceManager,
  WorkspaceMetrics,
  WorkspaceSpec,
  WorkspaceState,
} from '../../interfaces/workspace-manager.ts';
import { workspaceMetrics } from '../../workspace-metrics.ts';
import type { Cluster } from '../kubernetes/cluster.ts';
import { cloneToPod } from './clone-to-pod.ts';
import { createPod, ensureWorkspace, type WarmWorkspaces, type WorkspaceParts } from './create-pod.ts';
import { Executors } from './executors.ts';
import { findWorkspace, knownWorkspace } from './find-workspace.ts';
import { ANNOTATION, LABEL } from './labels.ts';
import { removePod, removeWorkspace } from './remove-workspace.ts';
import { MISSING_SECRET, noWorkspace, suspended } from './sidecar-place.ts';
import { waitUntilReady } from './wait-ready.ts';
import { stateOf, type Workspace } from './workspace-state.ts';

export interface RemoteWorkspaceOptions {
  /** Closed with the manager. */
  cluster: Cluster;
  config: RemoteConfig;
  mirrors: MirrorCache;
  log: Logger;
  /** Pods that are ready before a task comes; none without. */
  warm?: WarmWorkspaces;
  resolveRepository(repository: string): Promise<RepositorySource>;
  /** A bundle of every branch of a mirror. */
  openBundle(mirror: string, signal: AbortSignal): Readable;
  /** Absolute path of the directory that takes bundles of removed workspaces. */
  archivesDir: string;
}

/** Where the build tools of a pod keep what they fetched, when there is a volume for it. */
const CACHE_ENVIRONMENT = {
  npm_config_cache: '/cache/npm',
  PIP_CACHE_DIR: '/cache/pip',
  CCACHE_DIR: '/cache/ccache',
  GOMODCACHE: '/cache/go/mod',
  GOCACHE: '/cache/go/build',
  CARGO_HOME: '/cache/cargo',
} as const;

/** Workspaces as pods of a Kubernetes cluster, which alone remembers them. */
export class RemoteWorkspaceManager implements WorkspaceManager {
  readonly mode = 'remote';
  readonly cleanupStep: InitStepName = 'CLEANUP_POD';
  readonly capabilities: Capabilities;
  readonly #options: RemoteWorkspaceOptions;
  readonly #cluster: Cluster;
  readonly #parts: WorkspaceParts;
  readonly #executors: Executors;
  readonly #log: Logger;

  constructor(options: RemoteWorkspaceOptions) {
    const { cluster, config } = options;
    this.#options = options;
    this.#cluster = cluster;
    this.#log = options.log.child({ component: 'REMOTE_WORKSPACE' });
    this.capabilities = {
      pty: true,
      suspend: config.workspaces.storage.kind === 'pvc',
      taskResources: true,
      codebaseSearch: true,
      limits: 'pod',
      diskLimits: false,
      isolation: 'container',
      raceSafePaths: true,
    };
    this.#parts = {
      cluster,
      settings: config.workspaces,
      startTimeoutMs: config.startTimeoutMs,
      warm: options.warm,
      givenUp: new Set(),
      startedAt: new Date(),
    };
    this.#executors = new Executors(cluster, config.workspaces, this.capabilities, this.#log);
  }

  steps(): InitializationStep[] {
    return [
      { name: 'CREATE_POD', run: (spec, progress) => caught(() => this.#createPod(spec, progress)) },
      { name: 'WAIT_SIDECAR_READY', run: (spec, progress) => caught(() => this.#waitReady(spec, progress)) },
      { name: 'CLONE_TO_POD', run: (spec, progress) => caught(() => this.#clone(spec, progress)) },
    ];
  }

  async getWorkspaceStatus(taskId: string): Promise<WorkspaceState> {
    const workspace = await knownWorkspace(this.#cluster, taskId);
    await this.#cluster.pods.synced();
    const pod = workspace === undefined ? undefined : this.#cluster.pods.get(workspace.name);
    return stateOf(this.#parts.settings, workspace, pod);
  }

  /** Whether the sidecar answers; a container that starts again gets some time. */
  async healthCheck(taskId: string): Promise<Result> {
    return caught(async () => {
      const executor = await this.#executor(taskId);
      unwrap(await executor.listProcesses());
      return {};
    });
  }

  async getWorkspaceSize(taskId: string): Promise<Result<{ bytes: number; files: number }>> {
    return caught(async () => {
      await this.#executor(taskId);
      const { bytes, files } = unwrap(await this.#executors.usage(taskId));
      return { bytes, files };
    });
  }

  async getMetrics(taskId: string): Promise<Result<WorkspaceMetrics>> {
    const found = await this.getExecutor(taskId);
    return found.success ? await workspaceMetrics(found.executor) : found;
  }

  async getUnsavedWork(taskId: string, baseCommit: string): Promise<Result<UnsavedWork>> {
    const found = await this.getExecutor(taskId);
    return found.success ? await unsavedWork(found.executor, baseCommit) : found;
  }

  async archiveWorkspace(taskId: string, baseCommit: string): Promise<Result<{ bundlePath: string | null }>> {
    const found = await this.getExecutor(taskId);
    if (!found.success) return found;
    const { archivesDir } = this.#options;
    return await archiveWork(found.executor, { archivesDir, name: taskId, baseCommit });
  }

  /** CLEANUP_POD. */
  async cleanupWorkspace(taskId: string, progress?: StepProgress): Promise<Result> {
    return caught(async () => {
      this.#executors.forget(taskId);
      const timeoutMs = this.#options.config.startTimeoutMs;
      const patience = { signal: progress?.signal, log: progress?.log, timeoutMs };
      await removeWorkspace(this.#cluster, this.#parts.settings.instance, taskId, patience);
      this.#log.info({ taskId }, 'workspace removed');
      return {};
    });
  }

  async suspend(taskId: string): Promise<Result> {
    if (!this.capabilities.suspend) {
      return failure(
        'UNSUPPORTED',
        'The files of this workspace are on its node (REMOTE_STORAGE=emptyDir): without its pod, nothing of them would be left.',
      );
    }
    return caught(async () => {
      const { cluster, settings } = this.#parts;
      const workspace = await findWorkspace(cluster, settings.instance, taskId, undefined);
      if (workspace === undefined) throw noWorkspace();
      this.#executors.forget(taskId);
      const patience = { timeoutMs: this.#options.config.startTimeoutMs };
      await removePod(cluster, workspace.name, patience);
      this.#log.info({ taskId, pod: workspace.name }, 'workspace suspended');
      return {};
    });
  }

  onChange(listener: (taskId: string) => void): () => void {
    const { pods, anchors } = this.#cluster;
    const stops = [
      pods.onChange(({ object }) => {
        const anchor = anchors.get(object.metadata?.labels?.[LABEL.workspace] ?? '');
        const taskId = anchor?.metadata?.labels?.[LABEL.task] ?? object.metadata?.labels?.[LABEL.task];
        if (taskId !== undefined) listener(taskId);
      }),
      anchors.onChange(({ object }) => {
        const taskId = object.metadata?.labels?.[LABEL.task];
        if (taskId !== undefined) listener(taskId);
      }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }

  async list(): Promise<string[]> {
    await this.#cluster.anchors.synced();
    const ids = this.#cluster.anchors.list().flatMap(({ metadata }) => metadata?.labels?.[LABEL.task] ?? []);
    return [...new Set(ids)];
  }

  async getExecutor(taskId: string): Promise<Result<{ executor: ToolExecutor }>> {
    return caught(async () => ({ executor: await this.#executor(taskId) }));
  }

  async close(): Promise<void> {
    this.#executors.close();
    await this.#options.warm?.close();
    await this.#cluster.close();
  }

  /** @throws ShadowError WORKSPACE_LOST, WORKSPACE_NOT_READY */
  async #executor(taskId: string): Promise<ToolExecutor> {
    const { status, message } = await this.getWorkspaceStatus(taskId);
    if (status === 'ready') return this.#executors.get(taskId);
    if (status === 'absent') throw noWorkspace();
    if (status === 'suspended') throw suspended(message);
    if (status === 'lost') throw new ShadowError('WORKSPACE_LOST', message ?? '');
    throw new ShadowError('WORKSPACE_NOT_READY', 'The workspace of this task is still being made.');
  }

  async #createPod(spec: WorkspaceSpec, progress: StepProgress): Promise<object> {
    const { name } = await createPod(this.#parts, spec, progress);
    this.#log.info({ taskId: spec.taskId, pod: name }, 'pod created');
    return {};
  }

  async #waitReady(spec: WorkspaceSpec, progress: StepProgress): Promise<object> {
    const workspace = await this.#whole(spec, progress);
    let hasAnswered = false;
    try {
      const { startTimeoutMs, unschedulableGraceMs } = this.#options.config;
      const ask = async (signal: AbortSignal) => {
        await this.#executors.connect(spec.taskId, signal);
        hasAnswered = true;
      };
      const patience = { startTimeoutMs, unschedulableGraceMs, ask };
      await waitUntilReady(this.#cluster, workspace.name, patience, progress);
    } catch (error) {
      // Another attempt goes on with another pod, unless this one holds the files.
      const uid = this.#cluster.pods.get(workspace.name)?.metadata?.uid;
      if (uid !== undefined && !progress.signal.aborted) this.#parts.givenUp.add(uid);
      throw error;
    }
    // The kubelet's word alone does not say that this server reaches it.
    if (!hasAnswered) await this.#reach(spec.taskId, workspace, progress.signal);
    const { buildCacheClaim } = this.#parts.settings;
    if (buildCacheClaim !== null) {
      unwrap(await this.#executors.giveEnvironment(spec.taskId, CACHE_ENVIRONMENT, progress.signal));
    }
    progress.log('The sidecar answers.');
    return {};
  }

  /** @throws ShadowError when the sidecar cannot be called */
  async #reach(taskId: string, { name, podUid }: Workspace, signal: AbortSignal): Promise<void> {
    const reached = await this.#executors.usage(taskId, signal);
    if (reached.success) return;
    const isSecretGone = reached.error.details?.missing === MISSING_SECRET;
    const uid = this.#cluster.pods.get(name)?.metadata?.uid;
    if (isSecretGone && podUid === undefined && uid !== undefined) {
      // Nobody can call this pod any more, and it holds nothing yet: another attempt makes both anew.
      await removePod(this.#cluster, name, { uid, signal, timeoutMs: this.#options.config.startTimeoutMs });
    }
    throw ShadowError.from(reached.error);
  }

  async #clone(spec: WorkspaceSpec, progress: StepProgress): Promise<{ prepared: PreparedWorkspace }> {
    const workspace = await this.#whole(spec, progress);
    const { repository } = unwrap(await this.#executors.usage(spec.taskId, progress.signal));
    const { clone, workspaces } = this.#options.config;
    const sources = { ...this.#options, clone, egress: workspaces.egress };
    const executor = this.#executors.get(spec.taskId);
    const prepared = await cloneToPod(sources, executor, spec, repository, progress);
    await this.#recordPod(workspace, progress.signal);
    this.#log.info(
      { taskId: spec.taskId, pod: workspace.name, base: prepared.baseCommit },
      'workspace ready',
    );
    return { prepared: { ...prepared, path: undefined, podName: workspace.name } };
  }

  /** The workspace with all that belongs to it: a step that is tried again may find less than the one before it left. */
  async #whole(spec: WorkspaceSpec, progress: StepProgress): Promise<Workspace> {
    const { cluster, settings } = this.#parts;
    const found = await findWorkspace(cluster, settings.instance, spec.taskId, progress.signal);
    return await ensureWorkspace(this.#parts, spec, found, progress);
  }

  /** From now on the pod holds the task's files: another one does not, unless they are on a volume. */
  async #recordPod({ name, podUid }: Workspace, signal: AbortSignal): Promise<void> {
    const uid = this.#cluster.pods.get(name)?.metadata?.uid;
    if (uid === undefined || uid === podUid) return;
    const annotations = { [ANNOTATION.podUid]: uid };
    await this.#cluster.api.configMaps.patch(name, { metadata: { annotations } }, { signal });
  }
}
