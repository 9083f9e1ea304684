import { isInstanceAlive, type OpenDatabase } from '@shadow/db';

/** Milliseconds that a server may be without its lock before it counts as dead: its connection may just be coming back. */
const GRACE_MS = 6000;

/** Which servers are dead, by the locks that the live ones hold. */
export class Liveness {
  readonly #pool: OpenDatabase['pool'];
  readonly #own: number;
  readonly #missedSince = new Map<number, number>();

  /** @param own number of this server, which is alive */
  constructor(pool: OpenDatabase['pool'], own: number) {
    this.#pool = pool;
    this.#own = own;
  }

  /** @returns false, too, for one that has been missed for so short a time that it may be back */
  async isDead(instance: number): Promise<boolean> {
    if (instance === this.#own || (await isInstanceAlive(this.#pool, instance))) {
      this.#missedSince.delete(instance);
      return false;
    }
    const since = this.#missedSince.get(instance) ?? Date.now();
    this.#missedSince.set(instance, since);
    return Date.now() - since >= GRACE_MS;
  }

  /** Milliseconds after which to ask again about servers that are missed; undefined when none is. */
  get askAgainMs(): number | undefined {
    const now = Date.now();
    const open = [...this.#missedSince.values()].filter((since) => now - since < GRACE_MS);
    return open.length === 0 ? undefined : Math.min(...open) + GRACE_MS - now;
  }
}
