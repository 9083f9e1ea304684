import type { OutputFrame, OutputStream } from '@shadow/protocol/process';
import { Growth } from './growth.ts';
import { HotTail } from './hot-tail.ts';
import { SegmentCursor } from './segment-cursor.ts';
import { type Run, SegmentStore } from './segment-store.ts';

/** Payload bytes kept per process unless configured otherwise. */
const DEFAULT_CAPACITY_BYTES = 8 * 1024 * 1024;
/** A batch is written at once when it has grown so large, else at the end of the event loop's turn. */
const BATCH_BYTES = 262_144;
const FRAME_BYTES = 65_536;

/** Frames a buffer knows of; the process layer adds the end. */
export type BufferFrame = Extract<OutputFrame, { type: 'data' | 'gap' }>;

/** Bytes that are in the spill files, for a reader in another process to take from there (`SpillReader`). */
export interface HeldFrame {
  type: 'held';
  fromOffset: number;
  toOffset: number;
}

interface TerminalBufferOptions {
  /** Directory of the spill files, the buffer's own. */
  directory: string;
  /** Payload bytes retained at least; default 8 MiB. */
  capacityBytes?: number;
}

export interface ReadBufferOptions {
  /** First byte wanted; default the oldest held. */
  fromOffset?: number;
  /** Stop after so many payload bytes. */
  maxBytes?: number;
  /** Wait for more until the buffer is closed. */
  follow?: boolean;
  signal?: AbortSignal;
}

/** At most so much is handed over at once: the further, the more may be evicted before the reader comes to it. */
const HAND_OVER_BYTES = 4 * 1024 * 1024;

/**
 * Output of one process: a ring with absolute byte offsets, streams interleaved in order of arrival, spilled to disk.
 *
 * Readers pull; none is ever waited for. One that falls behind the ring gets a `gap` frame and goes on at the oldest byte
 * held. What a reader has been given is already in the spill files, so an offset once seen stays valid after a restart.
 */
export class TerminalBuffer {
  readonly #store: SegmentStore;
  readonly #tail = new HotTail();
  #batch: Run[] = [];
  #batchBytes = 0;
  #end = 0;
  #flushScheduled = false;
  #isClosed = false;
  readonly #growth = new Growth();
  /** Told of every batch once it is recorded. */
  onRecorded: (() => void) | undefined;

  private constructor(store: SegmentStore) {
    this.#store = store;
  }

  /** An empty buffer for a new process. */
  static create(options: TerminalBufferOptions): TerminalBuffer {
    return new TerminalBuffer(storeOf(options));
  }

  /**
   * What an earlier process recorded; closed, for reading.
   *
   * @param recordedEnd the end as last known; bytes up to it that no segment holds read as a gap
   */
  static load(options: TerminalBufferOptions, recordedEnd = 0): TerminalBuffer {
    const store = storeOf(options);
    store.load();
    const buffer = new TerminalBuffer(store);
    buffer.#end = Math.max(store.end, recordedEnd);
    buffer.#isClosed = true;
    return buffer;
  }

  /** Offset of the oldest byte held. */
  get start(): number {
    return this.#store.segments.length === 0 ? this.#end : this.#store.start;
  }

  /** Offset after the newest byte recorded. */
  get end(): number {
    return this.#end;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Takes bytes as they arrive; the caller must not change `data` afterwards. */
  append(stream: OutputStream, data: Buffer): void {
    if (this.#isClosed || data.length === 0) return;
    this.#batch.push({ stream, data });
    this.#batchBytes += data.length;
    if (this.#batchBytes >= BATCH_BYTES) {
      this.flush();
    } else if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      setImmediate(() => {
        this.#flushScheduled = false;
        this.flush();
      });
    }
  }

  /** Records what has arrived. Bytes that the disk refuses are lost and show as a gap. */
  flush(): void {
    if (this.#batchBytes === 0) return;
    const runs = joinRuns(this.#batch);
    const bytes = this.#batchBytes;
    this.#batch = [];
    this.#batchBytes = 0;
    try {
      this.#store.append(this.#end, runs);
      this.#tail.append(this.#end, runs);
    } catch {
      this.#tail.clear();
    }
    this.#end += bytes;
    this.onRecorded?.();
    this.#growth.announce();
  }

  /** Records the rest; followers end. */
  close(): void {
    if (this.#isClosed) return;
    this.flush();
    this.#isClosed = true;
    this.#store.close();
    this.#tail.clear();
    this.#growth.announce();
  }

  /** Frames from an offset, at most 64 KiB each. An offset beyond the end yields nothing until the buffer grows there. */
  async *read(options: ReadBufferOptions = {}): AsyncGenerator<BufferFrame, void, undefined> {
    let offset = options.fromOffset ?? this.start;
    let left = options.maxBytes ?? Number.POSITIVE_INFINITY;
    let cursor: SegmentCursor | undefined;
    try {
      while (left > 0 && options.signal?.aborted !== true) {
        if (offset >= this.#end) {
          if (options.follow !== true || this.#isClosed) return;
          await this.#growth.next(options.signal);
          continue;
        }
        const limit = Math.min(left, FRAME_BYTES);
        const hot = this.#tail.read(offset, limit);
        if (hot !== undefined) {
          await cursor?.close();
          cursor = undefined;
          yield { type: 'data', offset, stream: hot.stream, data: hot.data };
          offset += hot.data.length;
          left -= hot.data.length;
          continue;
        }
        cursor = await this.#cursorAt(offset, cursor);
        const run = await cursor?.next(limit);
        if (run !== undefined) {
          yield { type: 'data', offset, stream: run.stream, data: run.data };
          offset += run.data.length;
          left -= run.data.length;
          continue;
        }
        const resume = this.#nextHeld(offset);
        yield { type: 'gap', fromOffset: offset, toOffset: resume };
        offset = resume;
      }
    } finally {
      await cursor?.close();
    }
  }

  /**
   * The same for a reader that can open the spill files: what is more than a frame is only named, with a `held` frame, and
   * the next one comes when the consumer asks for it.
   */
  async *handOver(options: ReadBufferOptions = {}): AsyncGenerator<BufferFrame | HeldFrame, void, undefined> {
    let offset = options.fromOffset ?? this.start;
    let left = options.maxBytes ?? Number.POSITIVE_INFINITY;
    while (left > 0 && options.signal?.aborted !== true) {
      const available = Math.min(left, this.#end - offset);
      if (available <= 0) {
        if (options.follow !== true || this.#isClosed) return;
        await this.#growth.next(options.signal);
        continue;
      }
      const hot = available > FRAME_BYTES ? undefined : this.#tail.read(offset, available);
      if (hot === undefined) {
        const toOffset = offset + Math.min(available, HAND_OVER_BYTES);
        yield { type: 'held', fromOffset: offset, toOffset };
        left -= toOffset - offset;
        offset = toOffset;
        continue;
      }
      yield { type: 'data', offset, stream: hot.stream, data: hot.data };
      offset += hot.data.length;
      left -= hot.data.length;
    }
  }

  async #cursorAt(offset: number, cursor: SegmentCursor | undefined): Promise<SegmentCursor | undefined> {
    if (cursor !== undefined) {
      if (cursor.offset === offset && offset < cursor.segment.end) return cursor;
      await cursor.close();
    }
    const segment = this.#store.segments.find(({ start, end }) => start <= offset && offset < end);
    return segment === undefined ? undefined : await SegmentCursor.open(segment, offset);
  }

  /** Where to go on when nothing can be read at `offset`; always further. */
  #nextHeld(offset: number): number {
    for (const { start, end } of this.#store.segments) {
      if (offset < start) return start;
      // Listed but unreadable: somebody deleted or cut the file.
      if (offset < end) return end;
    }
    return this.#end;
  }
}

/** Where a reader stands after a frame. */
export function offsetAfter(frame: BufferFrame | HeldFrame): number {
  return frame.type === 'data' ? frame.offset + frame.data.length : frame.toOffset;
}

/** Joins small neighbours of one stream, so that a chatty process makes few records. */
function joinRuns(runs: readonly Run[]): Run[] {
  const joined: Run[] = [];
  let pieces: Buffer[] = [];
  let bytes = 0;
  const finish = (stream: OutputStream | undefined) => {
    const only = pieces.length === 1 ? pieces[0] : undefined;
    if (stream !== undefined && bytes > 0) joined.push({ stream, data: only ?? Buffer.concat(pieces) });
    pieces = [];
    bytes = 0;
  };
  let previous: OutputStream | undefined;
  for (const { stream, data } of runs) {
    if (stream !== previous || bytes + data.length > FRAME_BYTES) finish(previous);
    previous = stream;
    pieces.push(data);
    bytes += data.length;
  }
  finish(previous);
  return joined;
}

function storeOf({ directory, capacityBytes = DEFAULT_CAPACITY_BYTES }: TerminalBufferOptions): SegmentStore {
  return new SegmentStore(directory, capacityBytes);
}
