import { SegmentCursor } from './segment-cursor.ts';
import { listSegments, type Segment } from './segment-store.ts';
import type { BufferFrame } from './terminal-buffer.ts';

const FRAME_BYTES = 262_144;

/**
 * Reads a live process's output from its spill files, in another process than the one that writes them. What the writer has
 * announced is in the files already; what it has evicted meanwhile shows as a gap.
 */
export class SpillReader {
  readonly #directory: string;
  #cursor: SegmentCursor | undefined;

  /** @param directory where the segment files of one process lie */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Frames of the bytes from `fromOffset` to `toOffset`, gaps included.
   *
   * @throws the file system's error when the files are not readable
   */
  async *read(fromOffset: number, toOffset: number): AsyncGenerator<BufferFrame, void, undefined> {
    let offset = fromOffset;
    while (offset < toOffset) {
      const cursor = await this.#cursorAt(offset);
      const run = await cursor?.next(Math.min(FRAME_BYTES, toOffset - offset));
      if (run !== undefined) {
        yield { type: 'data', offset, stream: run.stream, data: run.data };
        offset += run.data.length;
        continue;
      }
      await this.close();
      // At the end of a segment the next one goes on where it stopped, unless bytes were lost or evicted.
      if (cursor !== undefined && this.#segmentAt(offset)?.path !== cursor.segment.path) continue;
      const resume = this.#nextHeld(offset, toOffset);
      yield { type: 'gap', fromOffset: offset, toOffset: resume };
      offset = resume;
    }
  }

  /** Lets go of the file at hand. */
  async close(): Promise<void> {
    const cursor = this.#cursor;
    this.#cursor = undefined;
    await cursor?.close();
  }

  /** The cursor at hand, or one on the segment that holds the offset. */
  async #cursorAt(offset: number): Promise<SegmentCursor | undefined> {
    if (this.#cursor?.offset === offset) return this.#cursor;
    await this.close();
    const segment = this.#segmentAt(offset);
    if (segment === undefined) return undefined;
    const cursor = await SegmentCursor.open(segment, offset);
    // It holds less than its place in the ring: the bytes were lost.
    if (cursor !== undefined && cursor.offset !== offset) await cursor.close();
    else this.#cursor = cursor;
    return this.#cursor;
  }

  /** The segment that holds the offset, as far as names tell; how far it reaches only its file does. */
  #segmentAt(offset: number): Segment | undefined {
    const segment = listSegments(this.#directory).findLast(({ start }) => start <= offset);
    return segment === undefined ? undefined : { ...segment, end: Number.POSITIVE_INFINITY };
  }

  #nextHeld(offset: number, end: number): number {
    const next = listSegments(this.#directory).find(({ start }) => start > offset);
    return Math.min(next?.start ?? end, end);
  }
}
