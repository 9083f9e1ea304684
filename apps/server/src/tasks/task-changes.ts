import type { PrismaClient } from '@shadow/db';
import type { Task } from '@shadow/protocol';
import type { Logger } from 'pino';
import type { EventLog, TaskChanges } from './contracts.ts';
import { retryWhileAway } from './database-errors.ts';
import { isListed } from './event-kinds.ts';
import type { ReplicaNews, Replicas } from './replicas.ts';
import { taskFromRow } from './rows.ts';

type Change = { userId: string; task: Task } | { userId: string; deletedTaskId: string };

/** Milliseconds within which several changes of a task are told as one. */
const GATHER_MS = 100;

/** Milliseconds that the clocks of two servers may differ. */
const CLOCKS_MS = 60_000;
/** Tasks that are told of again after a time without word of other servers. */
const CAUGHT_UP = 500;

/** Tells of changes in the task list: derived from the event log, so that nothing has to remember to announce. */
export class TaskListChanges implements TaskChanges {
  readonly #prisma: PrismaClient;
  readonly #log: Logger;
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #replicas: Replicas;
  readonly #stops: (() => void)[];

  constructor(prisma: PrismaClient, events: EventLog, replicas: Replicas, log: Logger) {
    this.#replicas = replicas;
    this.#prisma = prisma;
    this.#log = log.child({ component: 'TASK_CHANGES' });
    this.#stops = [
      events.listen(({ taskId, events: batch }) => {
        if (batch.some(isListed)) this.#gather(taskId);
      }),
      replicas.listen((news) => this.#heard(news)),
    ];
  }

  listen(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  announceDeleted(userId: string, taskId: string): void {
    this.#tell({ userId, deletedTaskId: taskId });
    this.#replicas.hint({ type: 'deleted', taskId, userId });
  }

  close(): void {
    for (const stop of this.#stops) stop();
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
    this.#tell({ userId: row.userId, task: taskFromRow(row) });
  }

  #tell(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }

  #heard(news: ReplicaNews): void {
    if (news.type === 'events' && news.listed) this.#gather(news.taskId);
    if (news.type === 'deleted') this.#tell({ userId: news.userId, deletedTaskId: news.taskId });
    if (news.type !== 'listening') return;
    this.#gatherChangedSince(news.missedSince).catch((error: unknown) =>
      this.#log.warn({ err: error }, 'could not tell of what other servers changed'),
    );
  }

  async #gatherChangedSince(time: Date): Promise<void> {
    const changed = await retryWhileAway(() =>
      this.#prisma.task.findMany({
        where: { updatedAt: { gte: new Date(time.getTime() - CLOCKS_MS) } },
        orderBy: { updatedAt: 'desc' },
        take: CAUGHT_UP,
        select: { id: true },
      }),
    );
    for (const { id } of changed) this.#gather(id);
  }
}
