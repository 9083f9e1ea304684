import { setTimeout as delay } from 'node:timers/promises';

const FIRST_MS = 100;
const LONGEST_MS = 5_000;

/** The pauses between tries to have a lost connection again: each twice as long as the one before, up to 5 s. */
export class RetryPause {
  #ms = FIRST_MS;

  /** Waits; an aborted signal ends that at once. */
  async wait(signal: AbortSignal): Promise<void> {
    await delay(this.#ms, undefined, { signal }).catch(() => undefined);
    this.#ms = Math.min(this.#ms * 2, LONGEST_MS);
  }

  /** It worked: the next pause is a first one again. */
  reset(): void {
    this.#ms = FIRST_MS;
  }
}
