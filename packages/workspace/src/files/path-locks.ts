/** Lets one writer at a time at each path, in the order of asking. */
export class PathLocks {
  private readonly tails = new Map<string, Promise<unknown>>();

  /**
   * @param path what is locked: a place's canonical path
   * @param work runs when all that asked before for the same path are done
   */
  async run<T>(path: string, work: () => Promise<T>): Promise<T> {
    const before = this.tails.get(path) ?? Promise.resolve();
    const mine = before.then(work, work);
    const tail = mine.catch(() => {});
    this.tails.set(path, tail);
    try {
      return await mine;
    } finally {
      if (this.tails.get(path) === tail) this.tails.delete(path);
    }
  }
}
