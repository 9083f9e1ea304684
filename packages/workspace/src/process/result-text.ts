/** Bytes of stdout and of stderr kept in a result unless the request says otherwise. */
export const DEFAULT_RESULT_BYTES = 65_536;

const SMALL_BYTES = 4096;

/** Keeps the head and the tail of a stream within a bound; what lies between is counted. */
export class ResultText {
  readonly #headBytes: number;
  readonly #tailBytes: number;
  #head: Buffer[] = [];
  #headLength = 0;
  #tail: Buffer[] = [];
  #tailLength = 0;
  #leftOut = 0;
  #hasGap = false;

  /** @param maxBytes bytes kept, half of them from the head */
  constructor(maxBytes: number) {
    this.#headBytes = Math.ceil(maxBytes / 2);
    this.#tailBytes = maxBytes - this.#headBytes;
  }

  append(data: Uint8Array): void {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const forHead = this.#tailLength === 0 && !this.#hasGap ? this.#headBytes - this.#headLength : 0;
    const head = bytes.subarray(0, Math.max(0, forHead));
    if (head.length > 0) this.#head.push(Buffer.from(head));
    this.#headLength += head.length;
    this.#appendTail(bytes.subarray(head.length));
  }

  /** Notes that bytes are missing here, how many of this stream nobody knows. */
  gap(): void {
    this.#hasGap = true;
    this.#leftOut += this.#tailLength;
    this.#tail = [];
    this.#tailLength = 0;
  }

  get isTruncated(): boolean {
    return this.#hasGap || this.#leftOut > 0 || this.#tailLength > this.#tailBytes;
  }

  /** The text, with a marker where bytes were left out; no character is cut in two by it. */
  toString(): string {
    const head = Buffer.concat(this.#head);
    const tail = Buffer.concat(this.#tail);
    if (!this.isTruncated) return Buffer.concat([head, tail]).toString('utf8');
    const keptHead = withoutCutEnd(head);
    const keptTail = withoutCutStart(tail.subarray(Math.max(0, tail.length - this.#tailBytes)));
    const leftOut = this.#leftOut + (head.length - keptHead.length) + (tail.length - keptTail.length);
    const size = this.#hasGap ? `more than ${leftOut}` : String(leftOut);
    return `${keptHead.toString('utf8')}\n[... ${size} bytes left out ...]\n${keptTail.toString('utf8')}`;
  }

  #appendTail(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const newest = bytes.subarray(Math.max(0, bytes.length - this.#tailBytes));
    if (newest.length === this.#tailBytes) {
      this.#leftOut += this.#tailLength;
      this.#tail = [];
      this.#tailLength = 0;
    }
    // A small piece would keep alive the large block that it was cut from; a large one is not worth the copy.
    this.#tail.push(newest.length < SMALL_BYTES ? Buffer.from(newest) : newest);
    const dropped = bytes.length - Math.min(bytes.length, this.#tailBytes);
    this.#leftOut += dropped;
    this.#tailLength += bytes.length - dropped;
    // Cut back only now and then: a copy per chunk would be quadratic.
    if (this.#tailLength <= 2 * this.#tailBytes + 4096 && this.#tail.length <= 4096) return;
    const joined = Buffer.concat(this.#tail);
    const kept = Buffer.from(joined.subarray(Math.max(0, joined.length - this.#tailBytes)));
    this.#leftOut += joined.length - kept.length;
    this.#tail = [kept];
    this.#tailLength = kept.length;
  }
}

function withoutCutEnd(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(4, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}

function withoutCutStart(bytes: Buffer): Buffer {
  let start = 0;
  while (start < Math.min(3, bytes.length) && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return bytes.subarray(start);
}
