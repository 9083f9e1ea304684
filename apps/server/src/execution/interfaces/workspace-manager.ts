import type { InitStepName, Result } from '@shadow/protocol';
import type { ToolExecutor } from './tool-executor.ts';
import type { Capabilities } from './types.ts';

/** What a workspace is made from. */
export interface WorkspaceSpec {
  taskId: string;
  userId: string;
  /** A git URL, an absolute path, or "sample". */
  repository: string;
  baseBranch: string | undefined;
  /** The branch to work on; made at the base commit. */
  branch: string;
  /**
   * The base of an earlier workspace of this task, where there was one. If that is lost, the branch goes on from where it was
   * pushed to, and its base stays the same.
   */
  earlier?: { baseBranch: string; baseCommit: string };
  /** What the workspace may use where that can be set per task; the server's own settings otherwise. */
  resources?: WorkspaceResources;
}

/** Upper bounds of a workspace, as Kubernetes quantities such as `500m` and `2Gi`. */
export interface WorkspaceResources {
  cpu?: string | undefined;
  memory?: string | undefined;
}

export interface PreparedWorkspace {
  /** The branch it started from, the default one by name when none was asked for. */
  baseBranch: string;
  baseCommit: string;
  branch: string;
  path: string | undefined;
  podName: string | undefined;
  /** Where the branch begins in a workspace that was made just now: at its base, or as it was pushed. Absent for one that was kept. */
  start?: BranchStart;
}

export interface BranchStart {
  from: 'base' | 'pushed';
  commit: string;
}

export interface StepProgress {
  signal: AbortSignal;
  /** A line or more of what is going on, for the person who waits. */
  log(text: string): void;
}

/** One step of bringing a workspace up; idempotent, so that it can be retried on its own. */
export interface InitializationStep {
  name: InitStepName;
  run(spec: WorkspaceSpec, progress: StepProgress): Promise<Result<{ prepared?: PreparedWorkspace }>>;
}

/**
 * What there is of a workspace. `suspended`: nothing runs and its files are kept; the steps, run again, bring it back.
 * `lost`: it was there, and its files are gone.
 */
export interface WorkspaceState {
  status: 'absent' | 'preparing' | 'ready' | 'suspended' | 'lost';
  message?: string;
}

export interface UnsavedWork {
  /** Changes in the working copy that no commit holds. */
  uncommitted: boolean;
  /** Commits that neither a remote nor an archive holds. */
  commits: number;
}

/** What a workspace's commands use together. */
export interface WorkspaceMetrics {
  /** Processes that run now. */
  processes: number;
  /** Milliseconds of processor time, of ended commands too as long as those are kept. */
  cpuMs: number;
  /** Bytes of memory in use now. */
  memoryBytes: number;
}

/** Life cycle of workspaces. Everything is idempotent: called twice, or after a crash half-way, it converges. */
export interface WorkspaceManager {
  readonly mode: 'local' | 'remote' | 'mock';
  readonly capabilities: Capabilities;
  /** The steps of this mode, in order. */
  steps(): InitializationStep[];
  getWorkspaceStatus(taskId: string): Promise<WorkspaceState>;
  healthCheck(taskId: string): Promise<Result>;
  getWorkspaceSize(taskId: string): Promise<Result<{ bytes: number; files: number }>>;
  /** What the workspace's commands use; `workspaceMetrics` answers it over any executor. */
  getMetrics(taskId: string): Promise<Result<WorkspaceMetrics>>;
  /** Work that would be lost with the workspace. */
  getUnsavedWork(taskId: string, baseCommit: string): Promise<Result<UnsavedWork>>;
  /** Writes all refs and uncommitted work into a bundle on the server. */
  archiveWorkspace(taskId: string, baseCommit: string): Promise<Result<{ bundlePath: string | null }>>;
  /** Ends the processes and removes the workspace. The caller has made sure that nothing unsaved is in it. */
  cleanupWorkspace(taskId: string, progress?: StepProgress): Promise<Result>;
  /** The name under which removing a workspace is recorded as a step of its own; undefined where it is not worth one. */
  readonly cleanupStep: InitStepName | undefined;
  /** Ends what runs and keeps the files; only where `capabilities.suspend`, UNSUPPORTED elsewhere. */
  suspend(taskId: string): Promise<Result>;
  /** Calls back when something happened to a workspace from outside, such as a pod that went away. @returns ends it */
  onChange(listener: (taskId: string) => void): () => void;
  /** Ids of the tasks that have a workspace here, for the reconciler. */
  list(): Promise<string[]>;
  getExecutor(taskId: string): Promise<Result<{ executor: ToolExecutor }>>;
  close(): Promise<void>;
}
