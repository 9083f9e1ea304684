import { ShadowError, type SubscribeTask, type TaskEvent } from '@shadow/protocol';
import type { Logger } from 'pino';
import type { Metrics } from '../observability/metrics.ts';
import type { EventLog, TaskService } from '../tasks/contracts.ts';
import { retryWhileAway } from '../tasks/database-errors.ts';
import type { ReplicaNews } from '../tasks/replicas.ts';
import { Gatherer } from './gatherer.ts';
import type { RealtimeLimits } from './limits.ts';
import { TaskFeed } from './task-feed.ts';
import { TaskTail } from './task-tail.ts';
import { type RealtimeServer, type RealtimeSocket, taskRoom } from './types.ts';

/** Word of other servers on the same database. */
export interface ReplicaSource {
  listen(listener: (news: ReplicaNews) => void): () => void;
}

export interface TaskSubscriptionsOptions {
  readonly io: RealtimeServer;
  readonly tasks: TaskService;
  readonly log: EventLog;
  /** Hears of what other servers store; absent where there are none. */
  readonly replicas?: ReplicaSource | undefined;
  readonly limits: RealtimeLimits;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Who follows which task, and the live stream to all of them. */
export class TaskSubscriptions {
  readonly #options: TaskSubscriptionsOptions;
  /** Task id → socket id → feed. */
  readonly #feeds = new Map<string, Map<string, TaskFeed>>();
  /** Task id → its growing end, for as long as it has feeds. */
  readonly #tails = new Map<string, TaskTail>();
  readonly #gatherer: Gatherer<TaskEvent>;
  readonly #stops: (() => void)[];

  constructor(options: TaskSubscriptionsOptions) {
    this.#options = options;
    this.#gatherer = new Gatherer(options.limits.gatherMs, (taskId, events) => this.#flush(taskId, events));
    const { log, replicas } = options;
    this.#stops = [
      log.listen(({ taskId, events }) => this.#follow(taskId, (tail) => tail.stored(events))),
      replicas?.listen((news) => this.#heard(news)) ?? (() => undefined),
    ];
  }

  /**
   * Starts a replay from the number given; a second subscription of a socket to a task replaces the first.
   * @throws ShadowError TASK_NOT_FOUND, VALIDATION_FAILED, RESOURCE_LIMIT
   */
  async subscribe(socket: RealtimeSocket, command: SubscribeTask): Promise<void> {
    const task = await this.#options.tasks.get(socket.data.principal.user.id, command.taskId);
    if (command.afterSeq > task.lastSeq) {
      throw new ShadowError('VALIDATION_FAILED', `afterSeq: the task's last event is ${task.lastSeq}.`);
    }
    this.unsubscribe(socket, command.taskId);
    this.#checkCount(socket);
    if (socket.data.closed.aborted) return;
    const feed = this.#open(socket, command, task.lastSeq);
    feed.catchUp().catch((error: unknown) => this.#failed(socket, command.taskId, feed, error));
  }

  unsubscribe(socket: RealtimeSocket, taskId: string): void {
    const feeds = this.#feeds.get(taskId);
    feeds?.get(socket.id)?.close();
    feeds?.delete(socket.id);
    void socket.leave(taskRoom(taskId));
    if (feeds?.size === 0) this.#forget(taskId);
  }

  /** Ends every subscription of a socket that is gone. */
  drop(socket: RealtimeSocket): void {
    for (const [taskId, feeds] of [...this.#feeds]) {
      if (feeds.has(socket.id)) this.unsubscribe(socket, taskId);
    }
  }

  /** Ends every subscription to a task that was deleted. */
  dropTask(taskId: string): void {
    for (const feed of this.#feeds.get(taskId)?.values() ?? []) feed.close();
    this.#options.io.socketsLeave(taskRoom(taskId));
    this.#forget(taskId);
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#gatherer.close();
    for (const taskId of [...this.#feeds.keys()]) this.dropTask(taskId);
  }

  #open(socket: RealtimeSocket, { taskId, afterSeq }: SubscribeTask, lastSeq: number): TaskFeed {
    const { log, limits, metrics } = this.#options;
    const { outbox, closed } = socket.data;
    const feed = new TaskFeed(
      log,
      limits,
      { taskId, afterSeq },
      {
        send: (events) => {
          metrics.socketEvents.inc(events.length);
          socket.emit('task:events', { taskId, events });
        },
        ready: () => outbox.below(limits.pauseBytes, closed),
        joinRoom: () => void socket.join(taskRoom(taskId)),
      },
    );
    const feeds = this.#feeds.get(taskId) ?? new Map<string, TaskFeed>();
    this.#feeds.set(taskId, feeds.set(socket.id, feed));
    if (!this.#tails.has(taskId)) {
      this.#tails.set(
        taskId,
        new TaskTail(log, taskId, lastSeq, (events) => this.#gatherer.add(taskId, events)),
      );
    }
    return feed;
  }

  #heard(news: ReplicaNews): void {
    if (news.type === 'events') this.#follow(news.taskId, (tail) => tail.told(news.lastSeq));
    if (news.type !== 'listening') return;
    // What was stored meanwhile nobody told: the tasks themselves say how far they are.
    for (const [taskId, feeds] of this.#feeds) {
      const userId = this.#userOf(feeds);
      if (userId === undefined) continue;
      this.#follow(taskId, async (tail) => {
        const { lastSeq } = await retryWhileAway(() => this.#options.tasks.get(userId, taskId));
        await tail.told(lastSeq);
      });
    }
  }

  #userOf(feeds: ReadonlyMap<string, TaskFeed>): string | undefined {
    const [socketId] = feeds.keys();
    return this.#options.io.sockets.sockets.get(socketId ?? '')?.data.principal.user.id;
  }

  #follow(taskId: string, advance: (tail: TaskTail) => Promise<void>): void {
    const tail = this.#tails.get(taskId);
    if (tail === undefined) return;
    advance(tail).catch((error: unknown) => {
      if (this.#tails.get(taskId) === tail) this.#lost(taskId, error);
    });
  }

  /** The end of a task cannot be read: new connections, which replay, mend that. */
  #lost(taskId: string, error: unknown): void {
    for (const [socketId, feed] of [...(this.#feeds.get(taskId) ?? [])]) {
      const socket = this.#options.io.sockets.sockets.get(socketId);
      if (socket !== undefined) this.#failed(socket, taskId, feed, error);
    }
    this.dropTask(taskId);
  }

  #flush(taskId: string, events: TaskEvent[]): void {
    const { io, metrics } = this.#options;
    const room = taskRoom(taskId);
    // The room first: a feed that joins now has been sent this batch on its own.
    const size = io.sockets.adapter.rooms.get(room)?.size ?? 0;
    if (size > 0) {
      metrics.socketEvents.inc(events.length * size);
      io.to(room).emit('task:events', { taskId, events });
    }
    for (const feed of this.#feeds.get(taskId)?.values() ?? []) feed.live(events);
  }

  #checkCount(socket: RealtimeSocket): void {
    const held = [...this.#feeds.values()].filter((feeds) => feeds.has(socket.id)).length;
    const { maxSubscriptions } = this.#options.limits;
    if (held < maxSubscriptions) return;
    throw new ShadowError('RESOURCE_LIMIT', `A socket can follow ${maxSubscriptions} tasks at most.`);
  }

  #forget(taskId: string): void {
    this.#feeds.delete(taskId);
    this.#tails.get(taskId)?.close();
    this.#tails.delete(taskId);
    this.#gatherer.drop(taskId);
  }

  /** A replay that failed leaves a subscriber with a hole: only a new connection, which replays, mends that. */
  #failed(socket: RealtimeSocket, taskId: string, feed: TaskFeed, error: unknown): void {
    feed.close();
    if (socket.data.closed.aborted) return;
    this.#options.logger.warn({ taskId, err: error }, 'a replay failed');
    this.#options.metrics.socketsDropped.inc({ reason: 'replay' });
    socket.conn.close();
  }
}
