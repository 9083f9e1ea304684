const REMEMBERED = 1024;

/** Answers of keyed mutations, so that a repeat after a cut connection does not run twice; the oldest are forgotten. */
export class AnswerMemory {
  readonly #answers = new Map<string, Promise<unknown>>();

  /** Runs the work, or gives the answer that this key got before. */
  async once<T>(key: string | undefined, work: () => Promise<T>): Promise<T> {
    if (key === undefined) return await work();
    // A key belongs to one kind of call: callers prefix theirs, so what comes back is what this work gives.
    const known = this.#answers.get(key) as Promise<T> | undefined;
    if (known !== undefined) return await known;
    const answer = work();
    this.#answers.set(key, answer);
    const oldest = this.#answers.keys().next().value;
    if (this.#answers.size > REMEMBERED && oldest !== undefined) this.#answers.delete(oldest);
    return await answer;
  }
}
