const REMEMBERED = 1000;

/**
 * Ids that were cancelled before their start arrived: a start that was under way then must not run afterwards. The oldest
 * are forgotten.
 */
export class RefusedStarts {
  readonly #ids = new Set<string>();

  add(processId: string): void {
    this.#ids.add(processId);
    const oldest = this.#ids.values().next().value;
    if (this.#ids.size > REMEMBERED && oldest !== undefined) this.#ids.delete(oldest);
  }

  has(processId: string): boolean {
    return this.#ids.has(processId);
  }
}
