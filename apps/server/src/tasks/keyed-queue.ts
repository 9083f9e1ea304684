/** Runs the jobs of one key one after another, those of different keys side by side. */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<unknown>>();

  /**
   * @param key jobs with the same key never overlap
   * @param job runs when every earlier job of its key has settled
   * @returns what the job returns; its failure does not stop later jobs
   */
  run<T>(key: string, job: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const result = before.then(job, job);
    const forget = (): void => {
      if (this.#tails.get(key) === result) this.#tails.delete(key);
    };
    this.#tails.set(key, result);
    result.then(forget, forget);
    return result;
  }
}
