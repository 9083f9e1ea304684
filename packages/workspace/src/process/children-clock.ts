import { readStat } from './process-table.ts';

/**
 * Tells the processor time of children that have ended. The system gives it as one sum over all of them (cutime and cstime
 * of proc(5)), which grows as each is waited for; so it must be asked as soon as a child's end is told.
 *
 * Children of this process that are not announced here (in a daemon there are none) fall to the next one that ends.
 */
export class ChildrenClock {
  readonly #live = new Set<number>();
  /** Time of children that were waited for together with another one. */
  readonly #shares = new Map<number, number>();
  #lastMs = childrenMs();

  /** Announces a child. */
  began(pid: number): void {
    this.#live.add(pid);
  }

  /**
   * Milliseconds that an ended child used, with the children it had waited for itself. Several that ended in the same
   * moment share theirs evenly. Undefined where the system does not tell.
   */
  ended(pid: number): number | undefined {
    this.#live.delete(pid);
    const now = childrenMs();
    if (now === undefined) return undefined;
    const used = now - (this.#lastMs ?? now);
    this.#lastMs = now;
    const together = [...this.#live].filter((other) => isGone(other));
    const share = used / (together.length + 1);
    for (const other of together) this.#shares.set(other, (this.#shares.get(other) ?? 0) + share);
    const shared = this.#shares.get(pid) ?? 0;
    this.#shares.delete(pid);
    return shared + share;
  }
}

function childrenMs(): number | undefined {
  return readStat(process.pid)?.childrenMs;
}

/** Whether a child has been waited for: until then it exists, if only as a zombie. */
function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}
