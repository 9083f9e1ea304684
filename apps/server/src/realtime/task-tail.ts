import type { TaskEvent } from '@shadow/protocol';
import type { EventLog } from '../tasks/contracts.ts';

/** Events that one read of the log brings. */
const PAGE = 500;

/**
 * The end of one task's log as it grows, whoever stores the events: each once, in order, without a hole. What this
 * server stored is handed on as it comes; what another one stored is read from the log up to the number that is told.
 */
export class TaskTail {
  readonly #log: EventLog;
  readonly #taskId: string;
  readonly #deliver: (events: TaskEvent[]) => void;
  #lastSeq: number;
  /** The highest number that is known to be stored. */
  #known: number;
  #reading: Promise<void> | undefined;
  #isClosed = false;

  /** @param afterSeq a number that is stored; what follows it is delivered */
  constructor(log: EventLog, taskId: string, afterSeq: number, deliver: (events: TaskEvent[]) => void) {
    this.#log = log;
    this.#taskId = taskId;
    this.#lastSeq = afterSeq;
    this.#known = afterSeq;
    this.#deliver = deliver;
  }

  /** Events that were stored here. @throws (rejects) what reading the log throws */
  async stored(events: readonly TaskEvent[]): Promise<void> {
    const next = events.filter(({ seq }) => seq > this.#lastSeq);
    const last = next.at(-1)?.seq;
    if (last === undefined || this.#isClosed) return;
    if (this.#reading !== undefined || next[0]?.seq !== this.#lastSeq + 1) return this.told(last);
    this.#advance(next);
  }

  /** Events up to a number were stored elsewhere. @throws (rejects) what reading the log throws */
  async told(seq: number): Promise<void> {
    this.#known = Math.max(this.#known, seq);
    if (this.#known <= this.#lastSeq || this.#isClosed) return;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  close(): void {
    this.#isClosed = true;
  }

  async #read(): Promise<void> {
    while (this.#lastSeq < this.#known && !this.#isClosed) {
      const { events } = await this.#log.read(this.#taskId, this.#lastSeq, PAGE);
      // Nothing is there when the task was deleted meanwhile.
      if (events.length === 0 || this.#isClosed) return;
      this.#advance(events);
    }
  }

  #advance(events: TaskEvent[]): void {
    this.#lastSeq = events.at(-1)?.seq ?? this.#lastSeq;
    this.#known = Math.max(this.#known, this.#lastSeq);
    this.#deliver(events);
  }
}
