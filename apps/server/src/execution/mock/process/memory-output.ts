import type { OutputFrame, OutputStream } from '@shadow/protocol';
import { Growth } from '@shadow/workspace/semantics';

/** Bytes kept of a process's output, as the engine keeps by default. */
const CAPACITY_BYTES = 8 * 1024 * 1024;
const FRAME_BYTES = 65_536;

interface Piece {
  readonly offset: number;
  readonly stream: OutputStream;
  readonly data: Buffer;
}

type DataOrGap = Extract<OutputFrame, { type: 'data' | 'gap' }>;

export interface ReadOptions {
  fromOffset?: number | undefined;
  maxBytes?: number | undefined;
  follow?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** Output of one simulated process: a ring in memory, addressed by absolute offset. */
export class MemoryOutput {
  readonly #pieces: Piece[] = [];
  #end = 0;
  #isClosed = false;
  readonly #growth = new Growth();

  /** Offset of the oldest byte held. */
  get start(): number {
    return this.#pieces[0]?.offset ?? this.#end;
  }

  get end(): number {
    return this.#end;
  }

  append(stream: OutputStream, data: Buffer): void {
    if (this.#isClosed || data.length === 0) return;
    for (let at = 0; at < data.length; at += FRAME_BYTES) {
      const piece = data.subarray(at, at + FRAME_BYTES);
      this.#pieces.push({ offset: this.#end, stream, data: piece });
      this.#end += piece.length;
    }
    while (this.#end - (this.#pieces[1]?.offset ?? this.#end) >= CAPACITY_BYTES) this.#pieces.shift();
    this.#growth.announce();
  }

  close(): void {
    this.#isClosed = true;
    this.#growth.announce();
  }

  async *read(options: ReadOptions): AsyncGenerator<DataOrGap> {
    let offset = options.fromOffset ?? this.start;
    let left = options.maxBytes ?? Number.POSITIVE_INFINITY;
    while (left > 0 && options.signal?.aborted !== true) {
      if (offset < this.start) {
        yield { type: 'gap', fromOffset: offset, toOffset: this.start };
        offset = this.start;
      } else if (offset >= this.#end) {
        if (options.follow !== true || this.#isClosed) return;
        await this.#growth.next(options.signal);
      } else {
        const piece = this.#pieceAt(offset);
        const from = offset - piece.offset;
        const data = piece.data.subarray(from, from + Math.min(left, FRAME_BYTES));
        yield { type: 'data', offset, stream: piece.stream, data };
        offset += data.length;
        left -= data.length;
      }
    }
  }

  #pieceAt(offset: number): Piece {
    let low = 0;
    let high = this.#pieces.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#pieces[middle]?.offset ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const piece = this.#pieces[low];
    if (piece === undefined) throw new Error('The output has no bytes.');
    return piece;
  }
}
