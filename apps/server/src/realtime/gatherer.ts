/**
 * Joins what comes quickly after each other: the first item of a key goes out at once, what follows within the
 * interval goes out together at its end. So a quiet task has no delay and a busy one a bounded rate.
 */
export class Gatherer<Item> {
  readonly #intervalMs: number;
  readonly #flush: (key: string, items: Item[]) => void;
  readonly #open = new Map<string, { items: Item[]; timer: NodeJS.Timeout }>();

  constructor(intervalMs: number, flush: (key: string, items: Item[]) => void) {
    this.#intervalMs = intervalMs;
    this.#flush = flush;
  }

  add(key: string, items: readonly Item[]): void {
    const open = this.#open.get(key);
    if (open !== undefined) {
      open.items.push(...items);
      return;
    }
    const timer = setInterval(() => this.#tick(key), this.#intervalMs);
    this.#open.set(key, { items: [], timer });
    this.#flush(key, [...items]);
  }

  /** Forgets a key and what waits for it. */
  drop(key: string): void {
    clearInterval(this.#open.get(key)?.timer);
    this.#open.delete(key);
  }

  /** Forgets everything. */
  close(): void {
    for (const key of [...this.#open.keys()]) this.drop(key);
  }

  #tick(key: string): void {
    const items = this.#open.get(key)?.items.splice(0) ?? [];
    if (items.length === 0) this.drop(key);
    else this.#flush(key, items);
  }
}
