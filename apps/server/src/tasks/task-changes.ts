import type { PrismaClient } from '@shadow/db';
import type { Task } from '@shadow/protocol';
import type { Logger } from 'pino';
import type { EventLog, TaskChanges } from './contracts.ts';
import { taskFromRow } from './rows.ts';

type Change = { userId: string; task: Task } | { userId: string; deletedTaskId: string };

/** Milliseconds within which several changes of a task are told as one. */
const GATHER_MS = 100;

/** Events that change what the task list shows. */
const LISTED = new Set(['status', 'title', 'workspace', 'cost', 'commit', 'turn-finished']);

/** Tells of changes in the task list: derived from the event log, so that nothing has to remember to announce. */
export class TaskListChanges implements TaskChanges {
  readonly #prisma: PrismaClient;
  readonly #log: Logger;
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #stop: () => void;

  constructor(prisma: PrismaClient, events: EventLog, log: Logger) {
    this.#prisma = prisma;
    this.#log = log.child({ component: 'TASK_CHANGES' });
    this.#stop = events.listen(({ taskId, events: batch }) => {
      if (batch.some((event) => LISTED.has(event.type))) this.#gather(taskId);
    });
  }

  listen(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  announceDeleted(userId: string, taskId: string): void {
    for (const listener of this.#listeners) listener({ userId, deletedTaskId: taskId });
  }

  close(): void {
    this.#stop();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #gather(taskId: string): void {
    if (this.#timers.has(taskId)) return;
    const timer = setTimeout(() => {
      this.#timers.delete(taskId);
      this.#announce(taskId).catch((error: unknown) =>
        this.#log.warn({ taskId, err: error }, 'could not tell of a changed task'),
      );
    }, GATHER_MS);
    this.#timers.set(taskId, timer);
  }

  async #announce(taskId: string): Promise<void> {
    const row = await this.#prisma.task.findUnique({ where: { id: taskId } });
    if (row === null) return;
    for (const listener of this.#listeners) listener({ userId: row.userId, task: taskFromRow(row) });
  }
}
