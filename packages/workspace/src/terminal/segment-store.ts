import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writevSync,
} from 'node:fs';
import { join } from 'node:path';
import type { OutputStream } from '@shadow/protocol/process';
import { decodeRecordHeader, encodeRecordHeader, RECORD_HEADER_BYTES } from './record-format.ts';

/** Consecutive bytes of one stream. */
export interface Run {
  stream: OutputStream;
  data: Buffer;
}

/** One file of the ring: payload bytes [start, end). */
export interface Segment {
  readonly path: string;
  readonly start: number;
  end: number;
}

const SEGMENT_NAME = /^(\d{16})\.seg$/;
/** Below every system's IOV_MAX. */
const MAX_VECTORS = 512;

/**
 * The ring on disk: append-only segment files named by their first offset, the oldest deleted whole. Two neighbours whose
 * offsets do not meet have a gap between them (bytes lost to a full disk).
 *
 * Writes are synchronous on purpose: they go to the page cache, batched by the caller, so that whatever a reader has been
 * shown survives SIGKILL of this process, and no queue of unwritten bytes can grow.
 */
export class SegmentStore {
  readonly #directory: string;
  readonly #capacityBytes: number;
  readonly #segmentBytes: number;
  readonly segments: Segment[] = [];
  #fd: number | undefined;
  #fileBytes = 0;

  /**
   * @param directory where the segment files live; created on the first write
   * @param capacityBytes payload bytes kept at least, before the oldest segment goes
   */
  constructor(directory: string, capacityBytes: number) {
    this.#directory = directory;
    this.#capacityBytes = capacityBytes;
    this.#segmentBytes = Math.max(1024, Math.floor(capacityBytes / 8));
  }

  /** Reads what an earlier process left; a torn last record is cut off. */
  load(): void {
    for (const { path, start } of listSegments(this.#directory)) {
      this.segments.push({ path, start, end: start });
    }
    for (const [index, segment] of this.segments.entries()) {
      const isLast = index === this.segments.length - 1;
      segment.end = segment.start + measurePayload(segment.path, isLast);
    }
  }

  /** Offset of the oldest byte held; the same as `end` when nothing is. */
  get start(): number {
    return this.segments[0]?.start ?? 0;
  }

  /** Offset after the newest byte held. */
  get end(): number {
    return this.segments.at(-1)?.end ?? 0;
  }

  /**
   * Appends runs at `offset` and evicts what no longer fits.
   *
   * @throws the file system's error (ENOSPC …); nothing of the batch is then kept
   */
  append(offset: number, runs: readonly Run[]): void {
    const vectors: Buffer[] = [];
    let bytes = 0;
    for (const { stream, data } of runs) {
      vectors.push(encodeRecordHeader(stream, data.length), data);
      bytes += data.length;
    }
    const segment = this.#writableSegment(offset);
    const fd = this.#fd as number;
    try {
      writeAll(fd, vectors);
    } catch (error) {
      this.#abandonTail(fd);
      throw error;
    }
    segment.end += bytes;
    this.#fileBytes += bytes + runs.length * RECORD_HEADER_BYTES;
    this.#evict();
  }

  /** Closes the file being written; reading and appending go on to work. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #writableSegment(offset: number): Segment {
    const last = this.segments.at(-1);
    // The file's own size counts too: a stream of one-byte runs is mostly headers.
    const isFull = this.#fileBytes >= 2 * this.#segmentBytes;
    if (this.#fd !== undefined && last !== undefined && last.end === offset && !isFull) {
      if (last.end - last.start < this.#segmentBytes) return last;
    }
    this.close();
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const path = join(this.#directory, `${String(offset).padStart(16, '0')}.seg`);
    this.#fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o600);
    this.#fileBytes = 0;
    const segment = { path, start: offset, end: offset };
    this.segments.push(segment);
    return segment;
  }

  #abandonTail(fd: number): void {
    try {
      ftruncateSync(fd, this.#fileBytes);
    } catch {
      // The torn record is recognised and cut off by load().
    }
    this.close();
    const last = this.segments.at(-1);
    if (last !== undefined && last.end === last.start) {
      this.segments.pop();
      rmSync(last.path, { force: true });
    }
  }

  #evict(): void {
    for (;;) {
      const oldest = this.segments[0];
      if (oldest === undefined || this.segments.length === 1) return;
      if (this.end - oldest.end < this.#capacityBytes) return;
      this.segments.shift();
      rmSync(oldest.path, { force: true });
    }
  }
}

/** The segments in a directory, the oldest first; names tell where they start, not how far they reach. */
export function listSegments(directory: string): { path: string; start: number }[] {
  return listSegmentNames(directory).map((name) => ({
    path: join(directory, name),
    start: Number(SEGMENT_NAME.exec(name)?.[1]),
  }));
}

function listSegmentNames(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => SEGMENT_NAME.test(name))
      .sort();
  } catch (error) {
    // Nothing was written yet, or the workspace is gone.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

function writeAll(fd: number, vectors: readonly Buffer[]): void {
  for (let index = 0; index < vectors.length; index += MAX_VECTORS) {
    let rest = vectors.slice(index, index + MAX_VECTORS);
    while (rest.length > 0) rest = dropWritten(rest, writevSync(fd, rest));
  }
}

function dropWritten(vectors: Buffer[], written: number): Buffer[] {
  let left = written;
  let index = 0;
  for (const vector of vectors) {
    if (left < vector.length) break;
    left -= vector.length;
    index += 1;
  }
  const rest = vectors.slice(index);
  const first = rest[0];
  if (first !== undefined && left > 0) rest[0] = first.subarray(left);
  return rest;
}

/** Payload bytes in a segment file, walking its headers; with `mend`, bytes after the last whole record are cut off. */
function measurePayload(path: string, mend: boolean): number {
  const fd = openSync(path, mend ? 'r+' : 'r');
  try {
    const size = fstatSync(fd).size;
    const block = Buffer.allocUnsafe(65_536);
    let blockAt = 0;
    let blockLength = 0;
    let position = 0;
    let payload = 0;
    while (position + RECORD_HEADER_BYTES <= size) {
      if (position < blockAt || position + RECORD_HEADER_BYTES > blockAt + blockLength) {
        blockAt = position;
        blockLength = readSync(fd, block, 0, block.length, position);
      }
      const header = decodeRecordHeader(block.subarray(0, blockLength), position - blockAt);
      if (header === undefined) break;
      const next = position + RECORD_HEADER_BYTES + header.length;
      if (next > size) break;
      payload += header.length;
      position = next;
    }
    if (mend && position < size) ftruncateSync(fd, position);
    return payload;
  } finally {
    closeSync(fd);
  }
}
