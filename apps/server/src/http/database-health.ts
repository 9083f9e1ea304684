import { setTimeout as delay } from 'node:timers/promises';

/** How long an answer is reused: anyone may ask, and asking must not become work for the database. */
const FRESH_MS = 1000;
const PING_TIMEOUT_MS = 2000;

/** Whether the database answers, asked at most once a second. */
export class DatabaseHealth {
  readonly #ping: () => Promise<unknown>;
  #asked: { at: number; answer: Promise<boolean> } | undefined;

  constructor(ping: () => Promise<unknown>) {
    this.#ping = ping;
  }

  isUp(): Promise<boolean> {
    const now = Date.now();
    if (this.#asked === undefined || now - this.#asked.at > FRESH_MS) {
      this.#asked = { at: now, answer: this.#ask() };
    }
    return this.#asked.answer;
  }

  async #ask(): Promise<boolean> {
    const answered = new AbortController();
    const timeout = delay(PING_TIMEOUT_MS, false, { signal: answered.signal, ref: false }).catch(() => false);
    const ping = this.#ping().then(
      () => true,
      () => false,
    );
    try {
      return await Promise.race([ping, timeout]);
    } finally {
      answered.abort();
    }
  }
}
