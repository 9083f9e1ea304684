/** What readers of a growing output wait for. */
export class Growth {
  readonly #waiters = new Set<() => void>();

  /** Resolves at the next growth, or when the signal aborts. */
  next(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        signal?.removeEventListener('abort', done);
        this.#waiters.delete(done);
        resolve();
      };
      signal?.addEventListener('abort', done, { once: true });
      this.#waiters.add(done);
    });
  }

  /** Lets everybody go on who waits now. */
  announce(): void {
    for (const resume of this.#waiters) resume();
  }
}
