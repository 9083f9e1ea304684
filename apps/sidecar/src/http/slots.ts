import { ShadowError } from '@shadow/protocol';

/** A bound on how much goes on at the same time. */
export class Slots {
  readonly #limit: number;
  readonly #what: string;
  #taken = 0;

  /** @param what what is counted, for the message about too many */
  constructor(limit: number, what: string) {
    this.#limit = limit;
    this.#what = what;
  }

  get taken(): number {
    return this.#taken;
  }

  /**
   * Takes a slot.
   *
   * @returns what gives it back; calling it twice does no harm
   * @throws ShadowError RESOURCE_LIMIT when none is free
   */
  take(): () => void {
    if (this.#taken >= this.#limit) {
      throw new ShadowError(
        'RESOURCE_LIMIT',
        `The sidecar works on ${this.#limit} ${this.#what} already; try again when some have ended.`,
        { details: { limit: this.#limit } },
      );
    }
    this.#taken += 1;
    let isTaken = true;
    return () => {
      if (isTaken) this.#taken -= 1;
      isTaken = false;
    };
  }
}
