import { setTimeout as delay } from 'node:timers/promises';
import { failure, type InitStepName, type Result, ShadowError } from '@shadow/protocol';
import { cancelled } from '@shadow/workspace/semantics';
import type { Logger } from 'pino';
import { unsavedWork } from '../../git/unsaved-work.ts';
import { caught } from '../caught.ts';
import type { ToolExecutor } from '../interfaces/tool-executor.ts';
import type {
  InitializationStep,
  PreparedWorkspace,
  StepProgress,
  UnsavedWork,
  WorkspaceManager,
  WorkspaceMetrics,
  WorkspaceSpec,
  WorkspaceState,
} from '../interfaces/workspace-manager.ts';
import { workspaceMetrics } from '../workspace-metrics.ts';
import { MOCK_CAPABILITIES, MockToolExecutor } from './mock-tool-executor.ts';
import { cloneSimulated } from './simulated-repository.ts';

export interface MockWorkspaceOptions {
  /** Absolute path of the sample repository's files. */
  sampleAssets: string;
  log: Logger;
  /** Milliseconds that each step of a pod's start takes; default 200. */
  stepMs?: number;
  /** Milliseconds before each call of a tool; default 0. */
  latencyMs?: number;
}

/** A step that fails. */
export interface SimulatedStepFailure {
  step: Extract<InitStepName, 'CREATE_POD' | 'WAIT_SIDECAR_READY' | 'CLONE_TO_POD' | 'CLEANUP_POD'>;
  /** The next so many times. */
  times: number;
}

interface Pod {
  readonly name: string;
  readonly executor: MockToolExecutor;
  isReady: boolean;
  prepared: PreparedWorkspace | undefined;
}

/** Workspaces in simulated pods: they live as long as this process. */
export class MockWorkspaceManager implements WorkspaceManager {
  readonly mode = 'mock';
  readonly cleanupStep = 'CLEANUP_POD';
  readonly capabilities = MOCK_CAPABILITIES;
  readonly #options: MockWorkspaceOptions;
  readonly #log: Logger;
  readonly #pods = new Map<string, Pod>();
  readonly #failures = new Map<InitStepName, number>();

  constructor(options: MockWorkspaceOptions) {
    this.#options = options;
    this.#log = options.log.child({ component: 'MOCK_WORKSPACE' });
  }

  /** Lets a step fail with UNAVAILABLE the next so many times. */
  setStepFailure({ step, times }: SimulatedStepFailure): void {
    this.#failures.set(step, times);
  }

  steps(): InitializationStep[] {
    return [
      { name: 'CREATE_POD', run: (spec, progress) => this.#createPod(spec, progress) },
      { name: 'WAIT_SIDECAR_READY', run: (spec, progress) => this.#waitReady(spec, progress) },
      { name: 'CLONE_TO_POD', run: (spec, progress) => this.#clone(spec, progress) },
    ];
  }

  async getWorkspaceStatus(taskId: string): Promise<WorkspaceState> {
    const pod = this.#pods.get(taskId);
    if (pod === undefined) return { status: 'absent' };
    return { status: pod.prepared === undefined ? 'preparing' : 'ready' };
  }

  async healthCheck(taskId: string): Promise<Result> {
    const { status } = await this.getWorkspaceStatus(taskId);
    return status === 'ready' ? { success: true } : lost(taskId);
  }

  async getWorkspaceSize(taskId: string): Promise<Result<{ bytes: number; files: number }>> {
    const pod = this.#pods.get(taskId);
    if (pod === undefined) return lost(taskId);
    const listed = await pod.executor.listDirectory({
      recursive: true,
      includeIgnored: true,
      limit: 100_000,
    });
    if (!listed.success) return listed;
    const files = listed.entries.filter(({ kind }) => kind !== 'directory');
    return { success: true, bytes: files.reduce((sum, { size }) => sum + size, 0), files: files.length };
  }

  async getMetrics(taskId: string): Promise<Result<WorkspaceMetrics>> {
    const found = await this.getExecutor(taskId);
    return found.success ? workspaceMetrics(found.executor) : found;
  }

  async getUnsavedWork(taskId: string, baseCommit: string): Promise<Result<UnsavedWork>> {
    const found = await this.getExecutor(taskId);
    if (!found.success) return found;
    return await unsavedWork(found.executor, baseCommit);
  }

  /** Commits what is loose. There is no bundle: nothing of a simulated repository is worth a file. */
  async archiveWorkspace(taskId: string): Promise<Result<{ bundlePath: string | null }>> {
    const found = await this.getExecutor(taskId);
    if (!found.success) return found;
    const message = 'Uncommitted work at the time of archiving';
    const committed = await found.executor.gitCommit({ message });
    if (!committed.success && committed.error.code !== 'NOTHING_TO_COMMIT') return committed;
    return { success: true, bundlePath: null };
  }

  /** CLEANUP_POD: ends the processes and forgets the pod. */
  async cleanupWorkspace(taskId: string): Promise<Result> {
    return caught(async () => {
      const pod = this.#pods.get(taskId);
      if (pod === undefined) return {};
      this.#failIfTold('CLEANUP_POD');
      await pod.executor.shutdown();
      this.#pods.delete(taskId);
      this.#log.info({ taskId, pod: pod.name }, 'simulated pod removed');
      return {};
    });
  }

  async suspend(): Promise<Result> {
    return failure(
      'UNSUPPORTED',
      'A simulated pod lives in memory: without it, nothing of it would be left.',
    );
  }

  /** Nothing happens to a simulated pod from outside. */
  onChange(): () => void {
    return () => undefined;
  }

  async list(): Promise<string[]> {
    return [...this.#pods.keys()];
  }

  async getExecutor(taskId: string): Promise<Result<{ executor: ToolExecutor }>> {
    const pod = this.#pods.get(taskId);
    return pod?.prepared === undefined ? lost(taskId) : { success: true, executor: pod.executor };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pods.values()].map((pod) => pod.executor.shutdown()));
    this.#pods.clear();
  }

  #createPod({ taskId }: WorkspaceSpec, progress: StepProgress): Promise<Result> {
    return this.#step('CREATE_POD', progress, async () => {
      const known = this.#pods.get(taskId);
      if (known !== undefined) return {};
      const executor = new MockToolExecutor();
      executor.setLatency(this.#options.latencyMs ?? 0);
      const name = `shadow-${taskId}`.toLowerCase();
      this.#pods.set(taskId, { name, executor, isReady: false, prepared: undefined });
      progress.log(`Pod ${name} is scheduled (simulated).`);
      return {};
    });
  }

  #waitReady({ taskId }: WorkspaceSpec, progress: StepProgress): Promise<Result> {
    return this.#step('WAIT_SIDECAR_READY', progress, async () => {
      const pod = this.#podOf(taskId);
      pod.isReady = true;
      progress.log(`The sidecar of ${pod.name} answers (simulated).`);
      return {};
    });
  }

  #clone(spec: WorkspaceSpec, progress: StepProgress): Promise<Result<{ prepared: PreparedWorkspace }>> {
    return this.#step('CLONE_TO_POD', progress, async () => {
      const pod = this.#podOf(spec.taskId);
      if (!pod.isReady) throw new ShadowError('UNAVAILABLE', `The sidecar of ${pod.name} is not ready.`);
      if (pod.prepared !== undefined) return { prepared: pod.prepared };
      pod.prepared = await this.#prepare(pod, spec);
      const { baseCommit } = pod.prepared;
      progress.log(`Cloned ${spec.repository} at ${baseCommit.slice(0, 7)} (simulated).`);
      return { prepared: { ...pod.prepared, start: { from: 'base', commit: baseCommit } } };
    });
  }

  async #prepare(
    pod: Pod,
    { repository, baseBranch = 'main', branch }: WorkspaceSpec,
  ): Promise<PreparedWorkspace> {
    const { sampleAssets } = this.#options;
    const baseCommit = await cloneSimulated(pod.executor, repository, baseBranch, sampleAssets);
    const switched = await pod.executor.gitCheckout({ branch, createFrom: baseCommit });
    if (!switched.success) throw ShadowError.from(switched.error);
    return { baseBranch, baseCommit, branch, path: undefined, podName: pod.name };
  }

  #podOf(taskId: string): Pod {
    const pod = this.#pods.get(taskId);
    if (pod !== undefined) return pod;
    throw new ShadowError('WORKSPACE_LOST', 'The simulated pod is gone; simulated pods end with the server.');
  }

  #step<T extends object>(
    name: InitStepName,
    { signal }: StepProgress,
    work: () => Promise<T>,
  ): Promise<Result<T>> {
    return caught(async () => {
      await delay(this.#options.stepMs ?? 200, undefined, { signal }).catch(() => {
        throw cancelled();
      });
      this.#failIfTold(name);
      return await work();
    });
  }

  #failIfTold(name: InitStepName): void {
    const left = this.#failures.get(name) ?? 0;
    if (left <= 0) return;
    this.#failures.set(name, left - 1);
    throw new ShadowError('UNAVAILABLE', `${name} failed because it was told to (simulated).`);
  }
}

function lost(taskId: string): ReturnType<typeof failure> {
  return failure(
    'WORKSPACE_LOST',
    'The simulated pod of this task is gone; simulated pods end with the server.',
    {
      taskId,
    },
  );
}
