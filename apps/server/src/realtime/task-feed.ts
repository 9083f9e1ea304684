import type { TaskEvent } from '@shadow/protocol';
import type { EventLog } from '../tasks/contracts.ts';
import type { RealtimeLimits } from './limits.ts';

/** Where a subscriber's events go. */
export interface FeedSink {
  send(events: TaskEvent[]): void;
  /** Resolves when the subscriber can take more; rejects when it is gone. */
  ready(): Promise<void>;
  /** From now on it gets what is sent to the room. */
  joinRoom(): void;
}

/**
 * Brings one subscriber from its last number to the live stream with neither gap nor duplicate.
 *
 * While it replays pages from the log, live batches are kept. When the log has no more, what was kept goes out from
 * the number reached. It joins the room only with a live batch that takes it exactly to that batch's end: an event
 * that it read from the log before the event was announced would otherwise come again with the room's batch.
 */
export class TaskFeed {
  readonly #log: EventLog;
  readonly #limits: RealtimeLimits;
  readonly #sink: FeedSink;
  readonly #taskId: string;
  #lastSeq: number;
  #kept: TaskEvent[] = [];
  #hasOverflowed = false;
  #state: 'replaying' | 'caught-up' | 'in-room' | 'closed' = 'replaying';

  constructor(
    log: EventLog,
    limits: RealtimeLimits,
    subscription: { taskId: string; afterSeq: number },
    sink: FeedSink,
  ) {
    this.#log = log;
    this.#limits = limits;
    this.#taskId = subscription.taskId;
    this.#lastSeq = subscription.afterSeq;
    this.#sink = sink;
  }

  /** Replays until the end of the log. @throws what the log or the sink throws */
  async catchUp(): Promise<void> {
    do {
      await this.#replay();
    } while (this.#hasGap());
    if (this.#state === 'closed') return;
    this.#state = 'caught-up';
    this.#sendTail(this.#kept.splice(0));
  }

  /** A live batch, before the room gets it. */
  live(events: readonly TaskEvent[]): void {
    if (this.#state === 'replaying') this.#keep(events);
    if (this.#state !== 'caught-up') return;
    this.#sendTail(events);
    const end = events.at(-1)?.seq ?? 0;
    if (end !== this.#lastSeq) return;
    this.#state = 'in-room';
    this.#sink.joinRoom();
  }

  close(): void {
    this.#state = 'closed';
    this.#kept = [];
  }

  async #replay(): Promise<void> {
    this.#hasOverflowed = false;
    let hasMore = true;
    while (hasMore && this.#state === 'replaying') {
      await this.#sink.ready();
      const page = await this.#log.read(this.#taskId, this.#lastSeq, this.#limits.replayPage);
      if (this.#state === 'replaying') this.#sendTail(page.events);
      hasMore = page.hasMore;
    }
  }

  /** Whether events were kept that do not go on from where the replay ended. */
  #hasGap(): boolean {
    if (this.#state !== 'replaying') return false;
    this.#kept = this.#kept.filter((event) => event.seq > this.#lastSeq);
    const first = this.#kept[0];
    return this.#hasOverflowed || (first !== undefined && first.seq !== this.#lastSeq + 1);
  }

  #keep(events: readonly TaskEvent[]): void {
    if (this.#kept.length + events.length <= this.#limits.maxPendingEvents) this.#kept.push(...events);
    else {
      this.#kept = [];
      this.#hasOverflowed = true;
    }
  }

  #sendTail(events: readonly TaskEvent[]): void {
    const tail = events.filter((event) => event.seq > this.#lastSeq);
    this.#lastSeq = tail.at(-1)?.seq ?? this.#lastSeq;
    if (tail.length > 0) this.#sink.send(tail);
  }
}
