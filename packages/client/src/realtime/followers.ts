import { type ProcessOutput, ShadowError } from '@shadow/protocol';
import type { Acceptance, Follower } from './feed.ts';
import type { FollowedFrame, FollowProcessOptions, FollowState, FollowTaskOptions } from './follow.ts';
import type { ReadEvent } from './parse-events.ts';

/** Hands on a task's events by their numbers: repeats are dropped, a missing number stops it until it comes. */
export class TaskFollower implements Follower<ReadEvent> {
  readonly ended = false;
  readonly #options: FollowTaskOptions;
  #lastSeq: number;
  #state: FollowState | undefined;

  constructor(options: FollowTaskOptions) {
    this.#options = options;
    this.#lastSeq = options.afterSeq;
  }

  get position(): number {
    return this.#lastSeq;
  }

  accept(items: readonly ReadEvent[]): Acceptance {
    const fresh: ReadEvent[] = [];
    let missing = false;
    for (const item of items) {
      if (item.seq <= this.#lastSeq) continue;
      missing = item.seq !== this.#lastSeq + 1;
      if (missing) break;
      this.#lastSeq = item.seq;
      fresh.push(item);
    }
    const events = fresh.flatMap(({ event }) => (event === null ? [] : [event]));
    if (events.length > 0) guard(() => this.#options.onEvents(events));
    return missing ? 'missing' : 'taken';
  }

  onState(state: FollowState): void {
    if (state === this.#state) return;
    this.#state = state;
    guard(() => this.#options.onState?.(state));
  }

  onError(error: ShadowError): void {
    guard(() => this.#options.onError?.(error));
  }
}

/** Hands on a process's output by byte offset: known bytes are cut off, a hole stops it until its bytes come. */
export class ProcessFollower implements Follower<ProcessOutput> {
  readonly #options: FollowProcessOptions;
  #next: number;
  #ended = false;
  #state: FollowState | undefined;

  constructor(options: FollowProcessOptions) {
    this.#options = options;
    this.#next = options.fromOffset;
  }

  get position(): number {
    return this.#next;
  }

  get ended(): boolean {
    return this.#ended;
  }

  accept(items: readonly ProcessOutput[]): Acceptance {
    const fresh: FollowedFrame[] = [];
    let complete = true;
    let failure: ShadowError | undefined;
    for (const item of items) {
      if (item.type === 'error') failure = ShadowError.from(item.error);
      else complete = this.#take(item, fresh);
      if (!complete || failure !== undefined || this.#ended) break;
    }
    if (fresh.length > 0) guard(() => this.#options.onFrames(fresh));
    if (failure === undefined) return complete ? 'taken' : 'missing';
    // What may pass is asked for again; the rest ends the following.
    if (failure.retryable) return 'again';
    this.#ended = true;
    this.onError(failure);
    return 'taken';
  }

  onState(state: FollowState): void {
    if (state === this.#state) return;
    this.#state = state;
    guard(() => this.#options.onState?.(state));
  }

  onError(error: ShadowError): void {
    guard(() => this.#options.onError?.(error));
  }

  #take(frame: FollowedFrame, fresh: FollowedFrame[]): boolean {
    if (frame.type === 'gap') {
      if (frame.toOffset <= this.#next) return true;
      fresh.push({ ...frame, fromOffset: this.#next });
      this.#next = frame.toOffset;
      return true;
    }
    if (frame.offset > this.#next) return false;
    if (frame.type === 'end') {
      this.#ended = true;
      fresh.push(frame);
      return true;
    }
    const end = frame.offset + frame.data.byteLength;
    if (end <= this.#next) return true;
    fresh.push({ ...frame, offset: this.#next, data: frame.data.subarray(this.#next - frame.offset) });
    this.#next = end;
    return true;
  }
}

/** A handler that throws must show up as an uncaught error, not stop the others or the bookkeeping. */
export function guard(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
