import type { PrismaClient, Task as TaskRow } from '@shadow/db';
import { type GitDiffResult, type TaskEventBody, unwrap } from '@shadow/protocol';
import type { WorkspaceManager } from '../execution/interfaces/workspace-manager.ts';
import type { PostgresEventLog } from './event-log.ts';
import { FINISHED, IDLE_STATUSES, type Maintenance, NothingDone } from './maintenance.ts';
import type { TaskArchive } from './task-archive.ts';

export interface WorkspaceKeeperOptions {
  prisma: PrismaClient;
  events: PostgresEventLog;
  workspaces: WorkspaceManager;
  maintenance: Maintenance;
  archive: TaskArchive;
  /** Brings a suspended workspace back, so that its work can be looked at. */
  wake(task: TaskRow): Promise<void>;
  /** Removes the workspace, as a step that the task's log shows where the mode has one. */
  cleanUp(task: TaskRow): Promise<void>;
  /** Told when the task is gone from the list. */
  announceDeleted(userId: string, taskId: string): void;
  /** Called when a task may run turns again that were queued meanwhile. */
  released(): void;
}

/** Archives, deletes and suspends tasks' workspaces, each so that whoever finds it half done can finish it. */
export class WorkspaceKeeper {
  readonly #options: WorkspaceKeeperOptions;

  constructor(options: WorkspaceKeeperOptions) {
    this.#options = options;
  }

  /**
   * Keeps the work as a bundle and a diff, then removes the workspace.
   * @param why told in the task's log when nobody asked for it
   * @throws ShadowError TASK_STATE_CONFLICT, and of what could not be kept or removed
   */
  archive(task: TaskRow, why?: string): Promise<void> {
    return this.#options.maintenance.run(task.id, 'ARCHIVE', IDLE_STATUSES, () => this.#archive(task, why));
  }

  /**
   * Removes the task with its workspace.
   * @throws ShadowError TASK_STATE_CONFLICT, WORKSPACE_HAS_UNSAVED_WORK unless it is to be discarded
   */
  delete(task: TaskRow, { discardWork }: { discardWork: boolean }): Promise<void> {
    return this.#options.maintenance.run(task.id, 'DELETE', [...IDLE_STATUSES, 'ARCHIVED'], async () => {
      if (!discardWork && task.status !== 'ARCHIVED') await this.#refuseUnsavedWork(task);
      await this.#delete(task);
    });
  }

  /** Ends what runs in an idle task's workspace and keeps its files, and the diff for review meanwhile. */
  suspend(task: TaskRow, why: string): Promise<void> {
    const allowed = [...IDLE_STATUSES, 'AWAITING_APPROVAL'] as const;
    return this.#options.maintenance.run(task.id, 'SUSPEND', allowed, () => this.#suspend(task, why));
  }

  /** Ends what another server, or an earlier call, left half done. */
  async finish(task: TaskRow): Promise<void> {
    const { maintenance } = this.#options;
    const { id, maintenance: kind, status } = task;
    if (kind === null) return;
    // Whoever began has looked at the status: what it is now stands.
    await maintenance.run(id, kind, [status], () => {
      if (kind === 'DELETE') return this.#delete(task);
      return kind === 'ARCHIVE' ? this.#archive(task, undefined) : this.#suspend(task, undefined);
    });
  }

  async #archive(task: TaskRow, why: string | undefined): Promise<void> {
    const { archive, events } = this.#options;
    const { id: taskId, userId } = task;
    const archivePath = await this.#beforeAnything(async () => {
      await this.#wakeIfSuspended(task);
      return archive.keep(task, () => this.#diff(task));
    });
    await this.#options.cleanUp(task);
    await events.transact({ taskId, userId }, async (transaction) => {
      const archived = { status: 'ARCHIVED', archivedAt: new Date(), archivePath, ...FINISHED } as const;
      await transaction.task.update({ where: { id: taskId }, data: archived });
      await transaction.workspace.updateMany({ where: { taskId }, data: { status: 'REMOVED' } });
      const told = why === undefined ? [] : [notice(why)];
      return { value: undefined, events: [...told, { type: 'status', status: 'archived', error: null }] };
    });
  }

  async #delete({ id: taskId, userId }: TaskRow): Promise<void> {
    const { workspaces, prisma, archive, announceDeleted } = this.#options;
    unwrap(await workspaces.cleanupWorkspace(taskId));
    await archive.forget(taskId);
    await prisma.task.deleteMany({ where: { id: taskId, userId } });
    announceDeleted(userId, taskId);
  }

  async #suspend(task: TaskRow, why: string | undefined): Promise<void> {
    const { workspaces, events, archive, released } = this.#options;
    const { id: taskId, userId } = task;
    const { status } = await workspaces.getWorkspaceStatus(taskId);
    if (status === 'ready') {
      await this.#beforeAnything(async () => archive.keepDiff(taskId, await this.#diff(task)));
    }
    const isThere = status === 'ready' || status === 'suspended';
    if (isThere) unwrap(await workspaces.suspend(taskId));
    await events.transact({ taskId, userId }, async (transaction) => {
      await transaction.task.update({ where: { id: taskId }, data: FINISHED });
      // One that is not there any more is for the reconciler's look at losses.
      if (!isThere) return { value: undefined, events: [] };
      await transaction.workspace.updateMany({ where: { taskId }, data: { status: 'SUSPENDED' } });
      return { value: undefined, events: why === undefined ? [] : [notice(why)] };
    });
    released();
  }

  async #refuseUnsavedWork(task: TaskRow): Promise<void> {
    await this.#beforeAnything(async () => {
      await this.#wakeIfSuspended(task);
      await this.#options.archive.refuseUnsavedWork(task);
    });
  }

  async #wakeIfSuspended(task: TaskRow): Promise<void> {
    const { status } = await this.#options.workspaces.getWorkspaceStatus(task.id);
    if (status === 'suspended' && task.baseCommit !== null) await this.#options.wake(task);
  }

  async #diff(task: TaskRow): Promise<GitDiffResult> {
    const { executor } = unwrap(await this.#options.workspaces.getExecutor(task.id));
    const diff = await executor.gitDiff({ base: task.baseCommit ?? 'HEAD', contextLines: 3 });
    const { success: _, ...result } = unwrap(diff);
    return result;
  }

  /** Runs what changes nothing that matters: its failure leaves the task as it was. */
  async #beforeAnything<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw new NothingDone(error);
    }
  }
}

/** An event that tells a person something. */
function notice(message: string): TaskEventBody {
  return { type: 'notice', level: 'info', message };
}
