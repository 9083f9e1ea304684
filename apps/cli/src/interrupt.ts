import { EXIT } from './exit-codes.ts';

/**
 * Ctrl+C and SIGTERM. The first asks for an orderly end: `signal` is aborted, and whoever runs something that can be
 * stopped does so. The second leaves at once.
 */
export class Interrupt {
  readonly #abort = new AbortController();
  #leave: () => void = () => undefined;
  readonly #onSignal = () => {
    if (!this.#abort.signal.aborted) return this.#abort.abort();
    this.#leave();
    process.exit(EXIT.stopped);
  };

  constructor() {
    process.on('SIGINT', this.#onSignal);
    process.on('SIGTERM', this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Asks for an orderly end from within, as when nobody reads the output any more. */
  request(): void {
    this.#abort.abort();
  }

  /** Sets what is done, synchronously, before leaving at once. */
  onLeave(leave: () => void): void {
    this.#leave = leave;
  }

  dispose(): void {
    process.off('SIGINT', this.#onSignal);
    process.off('SIGTERM', this.#onSignal);
  }
}
