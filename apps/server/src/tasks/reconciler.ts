import type { PrismaClient, WorkspaceStatus } from '@shadow/db';
import type { TaskEventBody } from '@shadow/protocol';
import type { Logger } from 'pino';
import type { WorkspaceManager } from '../execution/interfaces/workspace-manager.ts';
import { type CleanUpPolicy, chooseForArchive, chooseForSuspend, lastUse } from './clean-up-policy.ts';
import type { PostgresEventLog } from './event-log.ts';
import { type KnownTask, WITH_LAST_TURN } from './known-task.ts';
import type { Liveness } from './liveness.ts';
import type { Maintenance } from './maintenance.ts';
import { removeOrphan } from './orphans.ts';
import type { ReconcilerAction, ReconcilerMetrics } from './reconciler-metrics.ts';
import type { TaskArchive } from './task-archive.ts';
import { isTaskId } from './task-id.ts';
import type { WorkspaceKeeper } from './workspace-keeper.ts';

/** Milliseconds within which several changes lead to one look. */
const GATHER_MS = 500;

export interface ReconcilerOptions {
  prisma: PrismaClient;
  events: PostgresEventLog;
  workspaces: WorkspaceManager;
  keeper: WorkspaceKeeper;
  archive: TaskArchive;
  maintenance: Maintenance;
  liveness: Liveness;
  policy: CleanUpPolicy;
  /** Milliseconds between two looks when nothing happens. */
  intervalMs: number;
  metrics: ReconcilerMetrics;
  log: Logger;
  /** Stands for being the one server that acts; calls back when it is. */
  standForLeader(onLeading: (signal: AbortSignal) => void): { release(): Promise<void> };
  /** Marks turns whose server died. */
  recoverTurns(): Promise<number>;
}

/**
 * Brings what there is to what the database says: at the start, after changes from outside and every now and then. Of
 * several servers one acts at a time; a single failure is logged and does not keep the rest from being looked at.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  #candidacy: { release(): Promise<void> } | undefined;
  #leading: AbortSignal | undefined;
  #stopListening = () => {};
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#log = options.log.child({ component: 'RECONCILER' });
  }

  /** Begins to stand for acting, and acts from when it is this server's turn. */
  start(): void {
    this.#stopListening = this.#options.workspaces.onChange(() => this.#wakeIn(GATHER_MS));
    this.#candidacy = this.#options.standForLeader((signal) => {
      this.#leading = AbortSignal.any([signal, this.#closing.signal]);
      this.#log.info('this server looks after the workspaces');
      this.#wakeIn(0);
    });
  }

  /** Ends after the action under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#stopListening();
    clearTimeout(this.#timer);
    await this.#running;
    await this.#candidacy?.release();
  }

  #wakeIn(ms: number): void {
    if (this.#leading === undefined || this.#leading.aborted) return;
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(), ms).unref();
  }

  #run(): void {
    const signal = this.#leading;
    if (signal === undefined || signal.aborted || this.#running !== undefined) return;
    this.#running = this.reconcile(signal)
      .catch((error: unknown) =>
        this.#log.warn({ err: error }, 'could not compare workspaces with the database'),
      )
      .finally(() => {
        this.#running = undefined;
        const { liveness, intervalMs } = this.#options;
        const next = this.#again ? GATHER_MS : (liveness.askAgainMs ?? intervalMs);
        this.#again = false;
        this.#wakeIn(Math.min(next, intervalMs));
      });
  }

  /** One look at everything. @param signal ends it between two actions */
  async reconcile(signal: AbortSignal): Promise<void> {
    const { workspaces, metrics, recoverTurns } = this.#options;
    await recoverTurns();
    // Before the database is read: a task is there before its workspace, so what has none is an orphan.
    const present = new Set((await workspaces.list()).filter(isTaskId));
    const tasks = await this.#readTasks([...present]);
    const known = new Map(tasks.map((task) => [task.id, task]));
    for (const taskId of present) {
      if (signal.aborted) return;
      const task = known.get(taskId);
      if (task === undefined) await this.#orphan(taskId);
      else if (task.status === 'ARCHIVED' && task.maintenance === null) await this.#leftover(taskId);
    }
    for (const task of tasks) {
      if (signal.aborted) return;
      await this.#guard(task.id, () => this.#look(task));
    }
    await this.#applyPolicies(present, signal);
    metrics.passed(present.size);
  }

  #readTasks(present: string[]): Promise<KnownTask[]> {
    return this.#options.prisma.task.findMany({
      where: {
        OR: [
          { id: { in: present } },
          { maintenance: { not: null } },
          { status: { not: 'ARCHIVED' }, workspace: { isNot: null } },
        ],
      },
      include: WITH_LAST_TURN,
    });
  }

  async #orphan(taskId: string): Promise<void> {
    await this.#guard(taskId, async () => {
      const removed = await removeOrphan(this.#options.workspaces, taskId);
      if (removed.success) {
        this.#acted('removed-orphan', taskId, { bundlePath: removed.bundlePath });
      } else {
        this.#acted('kept-orphan', taskId, { reason: removed.error.message });
      }
    });
  }

  /** The task was archived, so its work is kept; the workspace came back, or its removal was not finished. */
  async #leftover(taskId: string): Promise<void> {
    await this.#guard(taskId, async () => {
      const removed = await this.#options.workspaces.cleanupWorkspace(taskId);
      if (removed.success) this.#acted('removed-orphan', taskId, {});
      else this.#acted('failed', taskId, { reason: removed.error.message });
    });
  }

  async #look(task: KnownTask): Promise<void> {
    if (task.maintenance !== null) {
      if (!(await this.#options.maintenance.isAbandoned(task))) return;
      await this.#options.keeper.finish(task);
      this.#acted('finished', task.id, { what: task.maintenance });
      return;
    }
    // While it initializes, the steps say what there is; an archived task has none.
    if (task.workspace === null || task.status === 'ARCHIVED' || task.status === 'INITIALIZING') return;
    const { status, message } = await this.#options.workspaces.getWorkspaceStatus(task.id);
    const recorded = task.workspace.status;
    if (status === 'lost' || status === 'absent') {
      if (recorded === 'READY' || recorded === 'SUSPENDED') await this.#markLost(task, message);
    } else if (status === 'suspended' && recorded !== 'SUSPENDED') {
      await this.#markSuspended(task, message);
    } else if (status === 'ready' && recorded !== 'READY') {
      if (await this.#mark(task, 'READY')) this.#acted('adopted', task.id, { was: recorded });
    }
  }

  async #markLost(task: KnownTask, reason: string | undefined): Promise<void> {
    const lost = reason ?? 'It is not there any more. What was neither pushed nor archived is gone.';
    const message = `The workspace of this task is lost. ${lost}`;
    const told = { type: 'notice', level: 'warning', message, code: 'WORKSPACE_LOST' } as const;
    if (await this.#mark(task, 'LOST', told)) {
      this.#acted('marked-lost', task.id, { reason });
    }
  }

  async #markSuspended(task: KnownTask, reason: string | undefined): Promise<void> {
    // A diff that an earlier suspension left may be older than the work.
    await this.#options.archive.forget(task.id);
    const message = `Nothing runs in the workspace any more. ${reason ?? 'Its files are kept.'} The next message brings it back.`;
    if (await this.#mark(task, 'SUSPENDED', { type: 'notice', level: 'info', message })) {
      this.#acted('marked-suspended', task.id, { reason });
    }
  }

  /** @returns false when somebody changed it meanwhile */
  async #mark(
    { id: taskId, userId, workspace }: KnownTask,
    status: WorkspaceStatus,
    event?: TaskEventBody,
  ): Promise<boolean> {
    if (workspace === null) return false;
    return this.#options.events.transact({ taskId, userId }, async (transaction) => {
      const { count } = await transaction.workspace.updateMany({
        where: { taskId, status: workspace.status, updatedAt: workspace.updatedAt },
        data: { status },
      });
      return { value: count > 0, events: count > 0 && event !== undefined ? [event] : [] };
    });
  }

  async #applyPolicies(present: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const { policy, keeper, workspaces } = this.#options;
    const tasks = (await this.#readTasks([...present])).filter(({ id }) => present.has(id));
    const now = Date.now();
    for (const { task, why } of chooseForArchive(tasks, present.size, policy, now)) {
      if (signal.aborted) return;
      await this.#guard(task.id, async () => {
        await keeper.archive(task, why);
        this.#acted('archived', task.id, { why });
      });
    }
    if (!workspaces.capabilities.suspend) return;
    for (const task of chooseForSuspend(tasks, policy, now)) {
      if (signal.aborted) return;
      await this.#guard(task.id, () => this.#suspend(task, now - lastUse(task)));
    }
  }

  async #suspend(task: KnownTask, idleMs: number): Promise<void> {
    const { workspaces, keeper } = this.#options;
    if ((await workspaces.getWorkspaceStatus(task.id)).status !== 'ready') return;
    const minutes = Math.max(1, Math.round(idleMs / 60_000));
    await keeper.suspend(
      task,
      `The workspace was suspended after ${minutes} min without a turn. Its files are kept: the next message wakes it.`,
    );
    this.#acted('suspended', task.id, { idleMs });
  }

  /** A workspace that cannot be helped now is looked at again the next time. */
  async #guard(taskId: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.metrics.acted('failed');
      this.#log.warn({ taskId, err: error }, 'could not look after a workspace');
    }
  }

  #acted(action: ReconcilerAction, taskId: string, fields: object): void {
    this.#options.metrics.acted(action);
    const level = action === 'failed' || action === 'kept-orphan' ? 'warn' : 'info';
    this.#log[level]({ taskId, action, ...fields }, `workspace ${action}`);
  }
}
