import * as z from 'zod';
import { OperationError } from '../errors.ts';
import { type OutputFrame, type OutputStream, ProcessInfo } from '../operations/process.ts';

/**
 * A process's output as bytes on a connection. Each frame is a head of 16 bytes (kind, stream, two of zero, length of the
 * payload in 32 bits, offset in 64 bits; big endian) and its payload: output as it is, everything else as JSON. A stream
 * whose last frame is not `end` or `error` was cut.
 */
export type OutputWireFrame =
  | OutputFrame
  /** First frame of a started command: its output follows. */
  | { type: 'started'; process: ProcessInfo; created: boolean }
  | { type: 'heartbeat' };

const HEAD_BYTES = 16;
const KINDS = ['heartbeat', 'data', 'gap', 'end', 'error', 'started'] as const;
const STREAMS = ['stdout', 'stderr', 'pty'] as const satisfies readonly OutputStream[];
/** More than any frame but one of output needs. */
const MAX_JSON_BYTES = 4 * 1024 * 1024;
const TWO_TO_32 = 2 ** 32;

const Payloads = {
  gap: z.object({ fromOffset: z.int(), toOffset: z.int() }),
  end: z.object({ offset: z.int(), process: ProcessInfo }),
  error: z.object({ error: OperationError }),
  started: z.object({ process: ProcessInfo, created: z.boolean() }),
};

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A frame as the pieces to send, in order; output is not copied. */
export function encodeOutputFrame(frame: OutputWireFrame): [head: Uint8Array, payload?: Uint8Array] {
  if (frame.type === 'heartbeat') return [headOf(0, 0, 0, 0)];
  if (frame.type === 'data') {
    return [headOf(1, STREAMS.indexOf(frame.stream), frame.data.length, frame.offset), frame.data];
  }
  const { type, ...rest } = frame;
  const payload = encoder.encode(JSON.stringify(rest));
  return [headOf(KINDS.indexOf(type), 0, payload.length, 0), payload];
}

function headOf(kind: number, stream: number, length: number, offset: number): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES);
  const view = new DataView(head.buffer);
  view.setUint8(0, kind);
  view.setUint8(1, stream);
  view.setUint32(4, length);
  view.setUint32(8, Math.floor(offset / TWO_TO_32));
  view.setUint32(12, offset % TWO_TO_32);
  return head;
}

interface Head {
  kind: (typeof KINDS)[number];
  stream: OutputStream;
  offset: number;
  /** Bytes of the payload still to come. */
  left: number;
}

/** Bytes that are no stream of output frames. */
export class OutputFrameError extends Error {
  override readonly name = 'OutputFrameError';
}

/**
 * Cuts bytes back into frames, whatever pieces they come in. Output is passed on as it arrives, a part of a frame as a frame
 * of its own, so that nothing is copied and a cut loses nothing that had come.
 */
export class OutputFrameDecoder {
  /** Bytes of a head or of JSON that are not whole yet. */
  #held = new Uint8Array(0);
  #head: Head | undefined;

  /**
   * Takes bytes and gives the frames in them.
   *
   * @throws OutputFrameError when they are not of this format
   */
  *push(chunk: Uint8Array): Generator<OutputWireFrame> {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#head === undefined) {
        rest = this.#take(rest, HEAD_BYTES);
        if (this.#held.length < HEAD_BYTES) return;
        this.#head = parseHead(this.#held);
        this.#held = new Uint8Array(0);
      }
      const head: Head = this.#head;
      if (head.kind === 'data') {
        const data = rest.subarray(0, head.left);
        rest = rest.subarray(data.length);
        if (data.length > 0) yield { type: 'data', offset: head.offset, stream: head.stream, data };
        head.offset += data.length;
        head.left -= data.length;
        if (head.left === 0) this.#head = undefined;
        continue;
      }
      rest = this.#take(rest, head.left);
      if (this.#held.length < head.left) return;
      const payload = this.#held;
      this.#held = new Uint8Array(0);
      this.#head = undefined;
      yield parsePayload(head.kind, payload);
    }
  }

  /** Moves bytes into `#held` until it has so many; gives what is left over. */
  #take(bytes: Uint8Array, wanted: number): Uint8Array {
    const taken = bytes.subarray(0, wanted - this.#held.length);
    const joined = new Uint8Array(this.#held.length + taken.length);
    joined.set(this.#held);
    joined.set(taken, this.#held.length);
    this.#held = joined;
    return bytes.subarray(taken.length);
  }
}

function parseHead(bytes: Uint8Array): Head {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEAD_BYTES);
  const kind = KINDS[view.getUint8(0)];
  const stream = STREAMS[view.getUint8(1)];
  const left = view.getUint32(4);
  if (kind === undefined || stream === undefined || (kind !== 'data' && left > MAX_JSON_BYTES)) {
    throw new OutputFrameError('These bytes are not a stream of output frames.');
  }
  return { kind, stream, left, offset: view.getUint32(8) * TWO_TO_32 + view.getUint32(12) };
}

function parsePayload(kind: Exclude<Head['kind'], 'data'>, payload: Uint8Array): OutputWireFrame {
  if (kind === 'heartbeat') return { type: 'heartbeat' };
  try {
    const json: unknown = JSON.parse(decoder.decode(payload));
    if (kind === 'gap') return { type: 'gap', ...Payloads.gap.parse(json) };
    if (kind === 'end') return { type: 'end', ...Payloads.end.parse(json) };
    if (kind === 'error') return { type: 'error', ...Payloads.error.parse(json) };
    return { type: 'started', ...Payloads.started.parse(json) };
  } catch (cause) {
    throw new OutputFrameError('A frame of the output stream is not valid.', { cause });
  }
}
