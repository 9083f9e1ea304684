import type { Run } from './segment-store.ts';

/** Enough for followers that keep pace; the rest is read from disk. */
const HOT_BYTES = 262_144;
/** One-byte runs cost a hundred times their size. */
const HOT_RUNS = 2048;

/** The newest recorded bytes, in memory. */
export class HotTail {
  #runs: { offset: number; run: Run }[] = [];
  #first = 0;
  #bytes = 0;

  append(offset: number, runs: readonly Run[]): void {
    let at = offset;
    for (const run of runs) {
      this.#runs.push({ offset: at, run });
      at += run.data.length;
      this.#bytes += run.data.length;
    }
    while (this.#isOverfull() && this.#first < this.#runs.length - 1) {
      this.#bytes -= this.#runs[this.#first]?.run.data.length ?? 0;
      this.#first += 1;
    }
    // Drop evicted entries now and then, not one by one: a shift per run would be quadratic.
    if (this.#first > 1024 || this.#first * 2 > this.#runs.length) {
      this.#runs = this.#runs.slice(this.#first);
      this.#first = 0;
    }
  }

  clear(): void {
    this.#runs = [];
    this.#first = 0;
    this.#bytes = 0;
  }

  /** Bytes of one stream from `offset`, or undefined when that offset is not in memory. */
  read(offset: number, maxBytes: number): Run | undefined {
    let index = this.#indexOf(offset);
    if (index === undefined) return undefined;
    const entry = this.#runs[index];
    if (entry === undefined) return undefined;
    const { stream } = entry.run;
    const pieces: Buffer[] = [];
    let taken = 0;
    while (taken < maxBytes) {
      const current = this.#runs[index];
      if (current === undefined || current.run.stream !== stream) break;
      const from = offset + taken - current.offset;
      const piece = current.run.data.subarray(from, from + maxBytes - taken);
      pieces.push(piece);
      taken += piece.length;
      index += 1;
    }
    const only = pieces.length === 1 ? pieces[0] : undefined;
    return { stream, data: only ?? Buffer.concat(pieces) };
  }

  #isOverfull(): boolean {
    return this.#bytes > HOT_BYTES || this.#runs.length - this.#first > HOT_RUNS;
  }

  #indexOf(offset: number): number | undefined {
    let low = this.#first;
    let high = this.#runs.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const entry = this.#runs[middle];
      if (entry === undefined) return undefined;
      if (offset < entry.offset) high = middle - 1;
      else if (offset >= entry.offset + entry.run.data.length) low = middle + 1;
      else return middle;
    }
    return undefined;
  }
}
