import { ShadowError, type SubscribeTask, type TaskEvent } from '@shadow/protocol';
import type { Logger } from 'pino';
import type { Metrics } from '../observability/metrics.ts';
import type { EventLog, TaskService } from '../tasks/contracts.ts';
import { Gatherer } from './gatherer.ts';
import type { RealtimeLimits } from './limits.ts';
import { TaskFeed } from './task-feed.ts';
import { type RealtimeServer, type RealtimeSocket, taskRoom } from './types.ts';

export interface TaskSubscriptionsOptions {
  readonly io: RealtimeServer;
  readonly tasks: TaskService;
  readonly log: EventLog;
  readonly limits: RealtimeLimits;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Who follows which task, and the live stream to all of them. */
export class TaskSubscriptions {
  readonly #options: TaskSubscriptionsOptions;
  /** Task id → socket id → feed. */
  readonly #feeds = new Map<string, Map<string, TaskFeed>>();
  readonly #gatherer: Gatherer<TaskEvent>;
  readonly #stop: () => void;

  constructor(options: TaskSubscriptionsOptions) {
    this.#options = options;
    this.#gatherer = new Gatherer(options.limits.gatherMs, (taskId, events) => this.#flush(taskId, events));
    this.#stop = options.log.listen(({ taskId, events }) => {
      if (this.#feeds.has(taskId)) this.#gatherer.add(taskId, events);
    });
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
    const feed = this.#open(socket, command);
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
    this.#stop();
    this.#gatherer.close();
    for (const taskId of [...this.#feeds.keys()]) this.dropTask(taskId);
  }

  #open(socket: RealtimeSocket, { taskId, afterSeq }: SubscribeTask): TaskFeed {
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
    return feed;
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
