import { setTimeout as wait } from 'node:timers/promises';
import type { ProviderFailure } from './provider-errors.ts';

/** Waiting between tries. */
export interface RetryClock {
  /** Waits, or returns early when the signal is aborted. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** A number in [0, 1), for jitter. */
  random(): number;
}

/** Waits in real time. */
export const realRetryClock: RetryClock = {
  async sleep(milliseconds, signal) {
    await wait(milliseconds, undefined, { signal }).catch(() => undefined);
  },
  random: Math.random,
};

/** Tries after the first, by what went wrong. */
const MAX_RETRIES: Readonly<Record<ProviderFailure['code'], number>> = {
  PROVIDER_RATE_LIMITED: 6,
  PROVIDER_OVERLOADED: 6,
  PROVIDER_UNREACHABLE: 2,
  PROVIDER_FAILED: 2,
  STREAM_INTERRUPTED: 2,
  PROVIDER_AUTH_FAILED: 0,
  MODEL_UNKNOWN: 0,
};

const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 60_000;
/** Milliseconds that one step waits in all: well within a turn's timeout of ten minutes. */
const MAX_WAITING_MS = 240_000;

/** Remembers the tries of one step. */
export class RetryBudget {
  readonly #clock: RetryClock;
  readonly #tries = new Map<ProviderFailure['code'], number>();
  #waitedMs = 0;

  constructor(clock: RetryClock) {
    this.#clock = clock;
  }

  /**
   * Milliseconds to wait before the next try: what the provider asks for, else an exponential backoff with jitter.
   * Null when it should not be tried again: not worth it, too often, or too long.
   */
  nextDelay(failure: ProviderFailure): number | null {
    const tries = this.#tries.get(failure.code) ?? 0;
    if (!failure.retryable || tries >= MAX_RETRIES[failure.code]) return null;
    const backoff =
      Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** tries) * (0.75 + this.#clock.random() / 2);
    const delay = Math.round(failure.retryAfterMs ?? backoff);
    if (this.#waitedMs + delay > MAX_WAITING_MS) return null;
    this.#tries.set(failure.code, tries + 1);
    this.#waitedMs += delay;
    return delay;
  }
}
