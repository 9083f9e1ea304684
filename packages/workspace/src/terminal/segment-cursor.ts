import { type FileHandle, open } from 'node:fs/promises';
import { decodeRecordHeader, RECORD_HEADER_BYTES } from './record-format.ts';
import type { Run, Segment } from './segment-store.ts';

const BLOCK_BYTES = 262_144;

/** Reads one segment file forward from an offset; owns its file handle. A deleted file stays readable while open. */
export class SegmentCursor {
  readonly segment: Segment;
  readonly #file: FileHandle;
  /** Offset of the next payload byte. */
  offset: number;
  #filePosition = 0;
  #block: Buffer = Buffer.alloc(0);
  #blockPosition = 0;
  /** Bytes left of the record at hand. */
  #recordLeft = 0;
  #stream: Run['stream'] = 'stdout';

  private constructor(segment: Segment, file: FileHandle) {
    this.segment = segment;
    this.#file = file;
    this.offset = segment.start;
  }

  /**
   * @returns undefined when the segment has just been evicted
   * @throws the file system's error for anything else
   */
  static async open(segment: Segment, offset: number): Promise<SegmentCursor | undefined> {
    let file: FileHandle;
    try {
      file = await open(segment.path, 'r');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
    const cursor = new SegmentCursor(segment, file);
    await cursor.#skipTo(offset);
    return cursor;
  }

  /** The next bytes of one stream, at most `maxBytes`; undefined at the segment's present end. */
  async next(maxBytes: number): Promise<Run | undefined> {
    if (!(await this.#enterRecord())) return undefined;
    if (this.#available() === 0) await this.#fill();
    const stream = this.#stream;
    const from = this.#blockPosition;
    let taken = this.#take(maxBytes);
    if (taken === 0) return undefined;
    const block = this.#block;
    // Join what follows in this block, moved over the headers between: a frame costs its readers more than the copy of it.
    while (taken < maxBytes && this.#enterRecordInBlock() && this.#stream === stream) {
      const at = this.#blockPosition;
      const length = this.#take(maxBytes - taken);
      if (length === 0) break;
      block.copyWithin(from + taken, at, at + length);
      taken += length;
    }
    return { stream, data: block.subarray(from, from + taken) };
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  #available(): number {
    return this.#block.length - this.#blockPosition;
  }

  /** Passes over bytes of the record at hand. @returns how many */
  #take(maxBytes: number): number {
    const length = Math.min(maxBytes, this.#recordLeft, this.#available());
    this.#blockPosition += length;
    this.#recordLeft -= length;
    this.offset += length;
    return length;
  }

  #enterRecordInBlock(): boolean {
    if (this.#recordLeft > 0) return this.#available() > 0;
    const header = decodeRecordHeader(this.#block, this.#blockPosition);
    if (header === undefined) return false;
    this.#blockPosition += RECORD_HEADER_BYTES;
    this.#recordLeft = header.length;
    this.#stream = header.stream;
    return true;
  }

  async #enterRecord(): Promise<boolean> {
    if (this.offset >= this.segment.end) return false;
    if (this.#recordLeft > 0) return true;
    if (this.#available() < RECORD_HEADER_BYTES) await this.#fill();
    return this.#enterRecordInBlock();
  }

  /** A new block each time: frames handed out still point into the old one. */
  async #fill(): Promise<void> {
    this.#filePosition += this.#blockPosition;
    const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    const { bytesRead } = await this.#file.read(block, 0, BLOCK_BYTES, this.#filePosition);
    this.#block = block.subarray(0, bytesRead);
    this.#blockPosition = 0;
  }

  async #skipTo(offset: number): Promise<void> {
    while (this.offset < offset && (await this.#enterRecord())) {
      const skip = Math.min(this.#recordLeft, offset - this.offset);
      const inBlock = Math.min(skip, this.#available());
      this.#blockPosition += inBlock;
      if (skip > inBlock) {
        // The payload goes on beyond the block: jump in the file instead of reading it.
        this.#filePosition += this.#blockPosition + (skip - inBlock);
        this.#block = Buffer.alloc(0);
        this.#blockPosition = 0;
      }
      this.#recordLeft -= skip;
      this.offset += skip;
    }
  }
}
