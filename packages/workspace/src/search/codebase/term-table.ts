/** Numbers for terms: an index holds each term's text once, however many chunks have it. */
export class TermTable {
  readonly #numbers = new Map<string, number>();
  readonly #terms: string[] = [];

  /** Every term, at the place of its number. */
  get terms(): readonly string[] {
    return this.#terms;
  }

  /** The number of a term; undefined for one that no chunk has had. */
  find(term: string): number | undefined {
    return this.#numbers.get(term);
  }

  /** The number of a term, a new one where it has none. */
  numberOf(term: string): number {
    const known = this.#numbers.get(term);
    if (known !== undefined) return known;
    const number = this.#terms.push(term) - 1;
    this.#numbers.set(term, number);
    return number;
  }
}
