/**
 * Frames on the host's socket: the length of what follows and the length of the header (32 bits each, little endian), the
 * header as JSON, then bytes. Output travels as bytes, never inside JSON.
 */
const PREFIX_BYTES = 8;

/** More than any request needs (a command, its environment, its input); a peer that announces more is not one of ours. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;

export interface WireFrame {
  header: unknown;
  payload: Buffer;
}

/** A peer that does not speak the protocol; the connection is of no more use. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

/**
 * One frame as the pieces to write.
 *
 * @throws WireError when it would be larger than a peer accepts
 */
export function encodeFrame(header: unknown, payload?: Uint8Array): Buffer[] {
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  const payloadLength = payload?.length ?? 0;
  if (json.length + payloadLength > MAX_FRAME_BYTES) throw new WireError('A frame is too large.');
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES + json.length);
  prefix.writeUInt32LE(json.length + payloadLength, 0);
  prefix.writeUInt32LE(json.length, 4);
  json.copy(prefix, PREFIX_BYTES);
  if (payload === undefined || payloadLength === 0) return [prefix];
  return [prefix, Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)];
}

/** Cuts a byte stream into frames, whatever pieces it comes in; each byte is copied at most once. */
export class FrameDecoder {
  #chunks: Buffer[] = [];
  #length = 0;

  /**
   * Takes bytes and gives the frames they complete.
   *
   * @throws WireError when the peer announces a frame that cannot be
   */
  *push(chunk: Buffer): Generator<WireFrame> {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    for (;;) {
      if (this.#length < PREFIX_BYTES) return;
      const prefix = this.#peek(PREFIX_BYTES);
      const bodyLength = prefix.readUInt32LE(0);
      const headerLength = prefix.readUInt32LE(4);
      if (bodyLength > MAX_FRAME_BYTES || headerLength > bodyLength) throw new WireError('Not a frame.');
      if (this.#length < PREFIX_BYTES + bodyLength) return;
      this.#take(PREFIX_BYTES);
      const body = this.#take(bodyLength);
      yield { header: parseJson(body.subarray(0, headerLength)), payload: body.subarray(headerLength) };
    }
  }

  #peek(length: number): Buffer {
    const first = this.#chunks[0];
    if (first !== undefined && first.length >= length) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }

  #take(length: number): Buffer {
    this.#length -= length;
    const pieces: Buffer[] = [];
    let left = length;
    let used = 0;
    for (const chunk of this.#chunks) {
      if (left === 0) break;
      if (chunk.length > left) {
        pieces.push(chunk.subarray(0, left));
        this.#chunks[used] = chunk.subarray(left);
        left = 0;
        break;
      }
      pieces.push(chunk);
      left -= chunk.length;
      used += 1;
    }
    this.#chunks = this.#chunks.slice(used);
    const only = pieces.length === 1 ? pieces[0] : undefined;
    return only ?? Buffer.concat(pieces);
  }
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new WireError('Not a frame.');
  }
}
