import type { PrismaClient, Task as TaskRow } from '@shadow/db';
import { ShadowError, toShadowError, unwrap } from '@shadow/protocol';
import type { Logger } from 'pino';
import type {
  InitializationStep,
  PreparedWorkspace,
  WorkspaceManager,
  WorkspaceSpec,
} from '../execution/interfaces/workspace-manager.ts';
import type { PostgresEventLog } from './event-log.ts';
import { logInternal } from './log-internal.ts';
import { beginAgain, startedAgain } from './restart.ts';
import { resourcesOf } from './rows.ts';
import { storableText } from './storable-json.ts';

/** Milliseconds between two stored pieces of a step's log. */
const LOG_EVERY_MS = 200;

/** Brings a task's workspace up, step by step; each is recorded, timed, streamed, and retried on its own. */
export class InitializationEngine {
  readonly #prisma: PrismaClient;
  readonly #events: PostgresEventLog;
  readonly #workspaces: WorkspaceManager;
  readonly #log: Logger;

  constructor(prisma: PrismaClient, events: PostgresEventLog, workspaces: WorkspaceManager, log: Logger) {
    this.#log = log.child({ component: 'INITIALIZATION' });
    this.#prisma = prisma;
    this.#events = events;
    this.#workspaces = workspaces;
  }

  /** Rows of the steps that a new task will go through. */
  plan(): { name: string; position: number }[] {
    return this.#workspaces.steps().map((step, position) => ({ name: step.name, position }));
  }

  /**
   * Runs every step that is not completed yet. With all completed it checks that the workspace is there; one that is
   * suspended is brought back by all steps, and one that is lost is made again by them.
   * @throws ShadowError of the step that failed, or of a workspace that does not answer
   */
  async ensureReady(task: TaskRow, branch: string, signal: AbortSignal): Promise<void> {
    const rows = await this.#prisma.initStep.findMany({ where: { taskId: task.id } });
    const completed = new Set(rows.filter((row) => row.status === 'COMPLETED').map((row) => row.name));
    const all = this.#workspaces.steps();
    const open = all.filter((step) => !completed.has(step.name));
    const isAway = open.length === 0 && (await this.#isAway(task));
    for (const step of isAway ? all : open) await this.#runStep(step, task, branch, signal);
  }

  /**
   * Removes a task's workspace: recorded, timed and streamed as a step where the mode has one for it, and done again by
   * calling it again.
   * @throws ShadowError when it could not be removed
   */
  async cleanUp(task: TaskRow, signal: AbortSignal): Promise<void> {
    const { cleanupStep: name } = this.#workspaces;
    if (name === undefined) return void unwrap(await this.#workspaces.cleanupWorkspace(task.id));
    const { id: taskId, userId } = task;
    const position = this.#workspaces.steps().length;
    await this.#prisma.initStep.upsert({
      where: { taskId_name: { taskId, name } },
      create: { taskId, userId, name, position },
      update: {},
    });
    const run: InitializationStep['run'] = ({ taskId }, progress) =>
      this.#workspaces.cleanupWorkspace(taskId, progress);
    await this.#runStep({ name, run }, task, task.branch ?? '', signal);
  }

  /** Whether a workspace that was there once is suspended or lost, so that all its steps must run again. */
  async #isAway(task: TaskRow): Promise<boolean> {
    const { status } = await this.#workspaces.getWorkspaceStatus(task.id);
    if (status === 'suspended') return true;
    const health = await this.#workspaces.healthCheck(task.id);
    if (health.success) return false;
    if (health.error.code !== 'WORKSPACE_LOST') throw ShadowError.from(health.error);
    await beginAgain(this.#events, task, health.error.message);
    return true;
  }

  async #runStep(
    step: InitializationStep,
    task: TaskRow,
    branch: string,
    signal: AbortSignal,
  ): Promise<void> {
    const startedAt = performance.now();
    // The step begins while that is stored: it is idempotent, and what it says comes after its beginning in the log.
    const begun = this.#begin(step, task);
    begun.catch(() => undefined);
    const log = new StepLog(this.#events, task, step.name, begun);
    const spec = {
      taskId: task.id,
      userId: task.userId,
      repository: task.repository,
      baseBranch: task.baseBranch ?? undefined,
      branch,
      ...resourcesOf(task),
      ...earlierBase(task),
    };
    const result = await step
      .run(spec, { signal, log: (text) => log.write(text) })
      .catch((error: unknown) => ({
        success: false as const,
        error: toShadowError(error).toOperationError(),
      }));
    const attempt = await begun;
    await log.close();
    const durationMs = performance.now() - startedAt;
    if (result.success) return this.#complete(step, task, attempt, durationMs, result.prepared);
    const error = ShadowError.from(result.error);
    logInternal(this.#log, error, { taskId: task.id, step: step.name, attempt }, 'a step failed');
    await this.#fail(step, task, attempt, durationMs, error);
    throw error;
  }

  #begin(step: InitializationStep, task: TaskRow): Promise<number> {
    return this.#events.transact(ref(task), async (transaction) => {
      const row = await transaction.initStep.update({
        where: { taskId_name: { taskId: task.id, name: step.name } },
        data: {
          status: 'RUNNING',
          attempts: { increment: 1 },
          startedAt: new Date(),
          finishedAt: null,
          errorCode: null,
          errorMessage: null,
        },
      });
      const event = { type: 'init-step', name: step.name, status: 'running', attempt: row.attempts } as const;
      return { value: row.attempts, events: [{ ...event, durationMs: null, error: null }] };
    });
  }

  #complete(
    step: InitializationStep,
    task: TaskRow,
    attempt: number,
    durationMs: number,
    prepared: PreparedWorkspace | undefined,
  ): Promise<void> {
    return this.#events.transact(ref(task), async (transaction) => {
      await transaction.initStep.update({
        where: { taskId_name: { taskId: task.id, name: step.name } },
        data: { status: 'COMPLETED', finishedAt: new Date() },
      });
      const done = {
        type: 'init-step',
        name: step.name,
        status: 'completed',
        attempt,
        durationMs,
        error: null,
      } as const;
      if (prepared === undefined) return { value: undefined, events: [done] };
      const { branch, baseBranch, baseCommit, start } = prepared;
      await transaction.task.update({ where: { id: task.id }, data: { branch, baseBranch, baseCommit } });
      const workspace = { mode: this.#workspaces.mode, status: 'READY', branch, baseCommit } as const;
      const place = { path: prepared.path ?? null, podName: prepared.podName ?? null };
      await transaction.workspace.upsert({
        where: { taskId: task.id },
        create: { taskId: task.id, userId: task.userId, ...workspace, ...place },
        update: { ...workspace, ...place },
      });
      const isAgain = task.baseCommit !== null && start !== undefined;
      const told = isAgain ? [startedAgain({ ...task, branch, baseBranch }, start)] : [];
      const ready = { type: 'workspace', branch, baseBranch, baseCommit } as const;
      return { value: undefined, events: [done, ready, ...told] };
    });
  }

  #fail(
    step: InitializationStep,
    task: TaskRow,
    attempt: number,
    durationMs: number,
    error: { code: ShadowError['code']; message: string },
  ): Promise<void> {
    return this.#events.transact(ref(task), async (transaction) => {
      await transaction.initStep.update({
        where: { taskId_name: { taskId: task.id, name: step.name } },
        data: {
          status: 'FAILED',
          finishedAt: new Date(),
          errorCode: error.code,
          errorMessage: error.message,
        },
      });
      const told = { code: error.code, message: error.message };
      return {
        value: undefined,
        events: [{ type: 'init-step', name: step.name, status: 'failed', attempt, durationMs, error: told }],
      };
    });
  }
}

/** Gathers a step's progress lines into few events. */
class StepLog {
  readonly #events: PostgresEventLog;
  readonly #task: TaskRow;
  readonly #name: InitializationStep['name'];
  #text = '';
  #timer: NodeJS.Timeout | undefined;
  #stored: Promise<unknown>;

  /** @param begun settles when the step's beginning is stored: nothing is stored before */
  constructor(
    events: PostgresEventLog,
    task: TaskRow,
    name: InitializationStep['name'],
    begun: Promise<unknown>,
  ) {
    this.#stored = begun;
    this.#events = events;
    this.#task = task;
    this.#name = name;
  }

  write(text: string): void {
    this.#text += text.endsWith('\n') || text.endsWith('\r') ? text : `${text}\n`;
    this.#timer ??= setTimeout(() => this.#flush(), LOG_EVERY_MS);
  }

  async close(): Promise<void> {
    this.#flush();
    await this.#stored;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#text === '') return;
    // git redraws its progress with carriage returns: only the last state of a line is worth keeping.
    const text = storableText(this.#text.replace(/[^\n]*\r(?!\n)/g, ''));
    this.#text = '';
    if (text === '') return;
    const append = () => this.#events.append(ref(this.#task), [{ type: 'init-log', name: this.#name, text }]);
    this.#stored = this.#stored.then(append).catch(() => undefined);
  }
}

/** Known once a workspace of the task was ready. */
function earlierBase({ baseBranch, baseCommit }: TaskRow): Pick<WorkspaceSpec, 'earlier'> {
  return baseBranch === null || baseCommit === null ? {} : { earlier: { baseBranch, baseCommit } };
}

function ref(task: TaskRow): { taskId: string; userId: string } {
  return { taskId: task.id, userId: task.userId };
}
