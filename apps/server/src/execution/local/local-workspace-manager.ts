import { chmod, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { failure, type ProcessOperations, type Result, ShadowError, unwrap } from '@shadow/protocol';
import { createWorkspaceEngine, measureTree, type RunAs, type WorkspaceContext } from '@shadow/workspace';
import type { Logger } from 'pino';
import { archiveWork } from '../../git/archive-work.ts';
import type { GitEnvironment } from '../../git/git-command.ts';
import type { MirrorCache } from '../../git/mirror-cache.ts';
import type { RepositorySource } from '../../git/repository-source.ts';
import { unsavedWork } from '../../git/unsaved-work.ts';
import { caught } from '../caught.ts';
import type { ToolExecutor } from '../interfaces/tool-executor.ts';
import type { Capabilities } from '../interfaces/types.ts';
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
import { type CommandIsolation, findToolPlaces } from './command-isolation.ts';
import { prepareWorkspace } from './prepare-workspace.ts';

export interface LocalWorkspaceOptions {
  /** Holds a directory per task. */
  workspacesDir: string;
  /** Holds spill files and indexes, out of the agent's reach. */
  stateDir: string;
  archivesDir: string;
  mirrors: MirrorCache;
  git: GitEnvironment;
  runAs: RunAs | undefined;
  /** Environment of commands before HOME and TMPDIR are set for the task; captured while the server starts. */
  environment: Promise<Readonly<Record<string, string>>>;
  /** Undefined for commands with the rights of their user. */
  isolation: CommandIsolation;
  /** SHADOW_HOME, of which isolated commands see nothing. */
  shadowHome: string;
  capabilities: Capabilities;
  log: Logger;
  resolveRepository(repository: string): Promise<RepositorySource>;
  processesOf(context: WorkspaceContext): ProcessOperations;
  /** Ends every process of a workspace and lets go of its state directory. */
  releaseProcesses(stateDir: string): Promise<Result>;
}

/** Workspaces as directories on the server's own disk. */
export class LocalWorkspaceManager implements WorkspaceManager {
  readonly mode = 'local';
  readonly cleanupStep = undefined;
  readonly capabilities: Capabilities;
  readonly #options: LocalWorkspaceOptions;
  readonly #log: Logger;
  readonly #executors = new Map<string, ToolExecutor>();
  /** Where programs lie that isolated commands may use; found out once. */
  #tools: Promise<readonly string[]> | undefined;

  constructor(options: LocalWorkspaceOptions) {
    this.#options = options;
    this.capabilities = options.capabilities;
    this.#log = options.log.child({ component: 'LOCAL_WORKSPACE' });
  }

  steps(): InitializationStep[] {
    return [{ name: 'PREPARE_WORKSPACE', run: (spec, progress) => this.#prepare(spec, progress) }];
  }

  async getWorkspaceStatus(taskId: string): Promise<WorkspaceState> {
    const { directory, copy } = this.#paths(taskId);
    if (await exists(copy)) return { status: 'ready' };
    if (await exists(directory)) return { status: 'preparing' };
    return { status: 'absent' };
  }

  async healthCheck(taskId: string): Promise<Result> {
    const state = await this.getWorkspaceStatus(taskId);
    return state.status === 'ready' ? { success: true } : this.#lost(taskId);
  }

  async getWorkspaceSize(taskId: string): Promise<Result<{ bytes: number; files: number }>> {
    const { directory } = this.#paths(taskId);
    if (!(await exists(directory))) return this.#lost(taskId);
    return { success: true, ...(await measureTree(directory)) };
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

  async archiveWorkspace(taskId: string, baseCommit: string): Promise<Result<{ bundlePath: string | null }>> {
    const found = await this.getExecutor(taskId);
    if (!found.success) return found;
    const { archivesDir } = this.#options;
    return await archiveWork(found.executor, { archivesDir, name: taskId, baseCommit });
  }

  async cleanupWorkspace(taskId: string): Promise<Result> {
    const { directory, state } = this.#paths(taskId);
    return caught(async () => {
      unwrap(await this.#options.releaseProcesses(state));
      await this.#forget(taskId);
      // Out of sight at once: a crash from here on leaves rubbish, never half a workspace.
      const rubbish = `${directory}.removed`;
      if (await exists(directory)) await rename(directory, rubbish);
      await removeTree(rubbish);
      await rm(state, { recursive: true, force: true });
      return {};
    });
  }

  async suspend(): Promise<Result> {
    return failure(
      'UNSUPPORTED',
      'A directory uses nothing while no command runs, so there is nothing to suspend.',
    );
  }

  /** A directory is looked at when it is needed. */
  onChange(): () => void {
    return () => undefined;
  }

  async list(): Promise<string[]> {
    const entries = await readdir(this.#options.workspacesDir).catch(() => []);
    for (const entry of entries.filter((name) => name.endsWith('.removed'))) {
      await removeTree(join(this.#options.workspacesDir, entry));
    }
    return entries.filter((name) => !name.endsWith('.removed'));
  }

  async getExecutor(taskId: string): Promise<Result<{ executor: ToolExecutor }>> {
    const known = this.#executors.get(taskId);
    const { copy } = this.#paths(taskId);
    if (!(await exists(copy))) return this.#lost(taskId);
    if (known !== undefined) return { success: true, executor: known };
    const context = await this.#context(taskId);
    const engine = createWorkspaceEngine(context, { processes: this.#options.processesOf(context) });
    const executor: ToolExecutor = Object.assign(engine, { capabilities: this.capabilities });
    this.#executors.set(taskId, executor);
    return { success: true, executor };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#executors.values()].map((executor) => executor.close()));
    this.#executors.clear();
  }

  async #prepare(
    spec: WorkspaceSpec,
    progress: StepProgress,
  ): Promise<Result<{ prepared: PreparedWorkspace }>> {
    const { mirrors, git, runAs } = this.#options;
    const { directory, copy } = this.#paths(spec.taskId);
    return caught(async () => {
      if (!(await exists(copy))) await this.#forget(spec.taskId);
      const source = await this.#options.resolveRepository(spec.repository);
      const { baseBranch, branch, earlier } = spec;
      const request = { source, baseBranch, branch, earlier, directory, runAs };
      const prepared = await prepareWorkspace(mirrors, git, request, progress);
      this.#log.info(
        { taskId: spec.taskId, repository: source.name, base: prepared.baseCommit },
        'workspace ready',
      );
      return { prepared };
    });
  }

  async #forget(taskId: string): Promise<void> {
    await this.#executors.get(taskId)?.close();
    this.#executors.delete(taskId);
  }

  async #context(taskId: string): Promise<WorkspaceContext> {
    const { directory, copy, state } = this.#paths(taskId);
    const { runAs, isolation, shadowHome } = this.#options;
    const base = await this.#options.environment;
    const [home, tmp] = [join(directory, 'home'), join(directory, 'tmp')];
    // Commands that run as the person, and openly, keep the person's HOME and so their tools; others get one of their own.
    const ownHome = runAs === undefined && isolation === undefined ? {} : { HOME: home };
    const ownName = runAs === undefined ? {} : { USER: 'nobody', LOGNAME: 'nobody' };
    const context = {
      root: copy,
      stateDir: state,
      environment: { ...base, ...ownHome, ...ownName, TMPDIR: tmp },
      ...(runAs === undefined ? {} : { runAs }),
    };
    if (isolation === undefined) return context;
    this.#tools ??= findToolPlaces(base, runAs, shadowHome);
    const readable = [...(await this.#tools)];
    return { ...context, isolation: { ...isolation, readable, writable: [home, tmp], hidden: [shadowHome] } };
  }

  #paths(taskId: string): { directory: string; copy: string; state: string } {
    // Ids are made by the server; this keeps a wrong one from ever becoming another path.
    if (!/^[\w-]{1,64}$/.test(taskId)) throw new ShadowError('TASK_NOT_FOUND', 'This is not a task id.');
    const directory = join(this.#options.workspacesDir, taskId);
    return { directory, copy: join(directory, 'repo'), state: join(this.#options.stateDir, taskId) };
  }

  #lost(taskId: string): { success: false; error: ReturnType<ShadowError['toOperationError']> } {
    const { directory } = this.#paths(taskId);
    return failure('WORKSPACE_LOST', `The workspace of this task is not there any more (${directory}).`);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Removes a tree in which directories may have been made unwritable. */
async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    await makeWritable(path);
    await rm(path, { recursive: true, force: true });
  }
}

async function makeWritable(path: string): Promise<void> {
  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(path, entry.name));
  }
}
