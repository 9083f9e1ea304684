import type { Ack, OperationError } from '@shadow/protocol';
import { ShadowError } from '@shadow/protocol';
import type { FollowState } from './follow.ts';

/**
 * What a follower made of some items: took them, misses something before them, or was told of a passing failure and
 * has to ask again in any case.
 */
export type Acceptance = 'taken' | 'missing' | 'again';

/** One reader of a feed, with its own position in it. */
export interface Follower<Item> {
  /** From where on it still wants items. */
  readonly position: number;
  /** Takes the items that follow its position. */
  accept(items: readonly Item[]): Acceptance;
  /** True once nothing more can come. */
  readonly ended: boolean;
  onState(state: FollowState): void;
  onError(error: ShadowError): void;
}

/** How a feed reaches the server. */
export interface FeedChannel {
  isConnected(): boolean;
  /** Asks for everything from a position on; rejects when no answer comes. */
  subscribe(position: number): Promise<Ack>;
  unsubscribe(): void;
  /** The server no longer knows who this is. */
  onUnauthenticated(): void;
}

/** Milliseconds between subscriptions that brought nothing forward. */
const RETRY_MS = [0, 100, 250, 500, 1000, 2000, 5000];

/**
 * One subscription shared by all followers of one thing. It subscribes from where the hindmost follower stands, and
 * again after a reconnect, a gap or a passing failure; each follower drops what it already has.
 */
export class Feed<Item> {
  readonly #channel: FeedChannel;
  readonly #followers = new Set<Follower<Item>>();
  #state: FollowState = 'offline';
  /** Grows with every subscription, so that answers to earlier ones are told apart. */
  #round = 0;
  #fruitless = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(channel: FeedChannel) {
    this.#channel = channel;
  }

  get isEmpty(): boolean {
    return this.#followers.size === 0;
  }

  add(follower: Follower<Item>): void {
    this.#followers.add(follower);
    this.#fruitless = 0;
    this.#subscribe();
    follower.onState(this.#state);
  }

  /** Takes a follower out; the last one's leaving is told to the server. */
  remove(follower: Follower<Item>): void {
    if (!this.#followers.delete(follower) || this.#followers.size > 0) return;
    this.#halt();
    this.#state = 'offline';
    if (this.#channel.isConnected()) this.#channel.unsubscribe();
  }

  connected(): void {
    this.#fruitless = 0;
    this.#subscribe();
  }

  disconnected(): void {
    this.#halt();
    this.#setState('offline');
  }

  receive(items: readonly Item[]): void {
    const heard = new Set<Acceptance>();
    for (const follower of [...this.#followers]) {
      const before = follower.position;
      // A follower may have been removed by the one before it.
      if (this.#followers.has(follower) && !follower.ended) heard.add(follower.accept(items));
      if (follower.position > before) this.#fruitless = 0;
    }
    // Until the present subscription is answered, what is missing may be on its way.
    if (heard.has('again') || (heard.has('missing') && this.#state === 'live')) this.#subscribe();
  }

  /** Ends the following of everybody. */
  fail(error: ShadowError): void {
    this.#halt();
    const followers = [...this.#followers];
    this.#followers.clear();
    for (const follower of followers) follower.onError(error);
  }

  #subscribe(): void {
    const open = [...this.#followers].filter((follower) => !follower.ended);
    if (open.length === 0 || !this.#channel.isConnected()) return;
    this.#halt();
    const round = this.#round;
    this.#setState('catching-up');
    const wait = RETRY_MS[Math.min(this.#fruitless, RETRY_MS.length - 1)] ?? 0;
    this.#fruitless += 1;
    if (wait === 0) void this.#ask(round);
    else this.#timer = setTimeout(() => void this.#ask(round), wait);
  }

  async #ask(round: number): Promise<void> {
    const open = [...this.#followers].filter((follower) => !follower.ended);
    if (open.length === 0) return;
    const answer = await this.#channel
      .subscribe(Math.min(...open.map((follower) => follower.position)))
      .catch(() => undefined);
    if (round !== this.#round) return;
    if (answer?.success) this.#setState('live');
    else this.#refused(answer?.error);
  }

  #refused(error: OperationError | undefined): void {
    if (error === undefined || error.retryable) this.#subscribe();
    else if (error.code === 'UNAUTHENTICATED') this.#channel.onUnauthenticated();
    else this.fail(ShadowError.from(error));
  }

  /** Forgets the subscription that is under way. */
  #halt(): void {
    this.#round += 1;
    clearTimeout(this.#timer);
  }

  #setState(state: FollowState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const follower of [...this.#followers]) follower.onState(state);
  }
}
