/** Takes a stream of bytes apart into lines, without their ends. */
export class LineReader {
  private readonly separator: number;
  private rest: Buffer[] = [];

  /** @param separator the byte after each line: 10 for LF, 0 for NUL */
  constructor(separator: number) {
    this.separator = separator;
  }

  /** The lines that this piece completes. */
  *push(chunk: Buffer): Generator<Buffer> {
    let from = 0;
    for (let at = chunk.indexOf(this.separator); at !== -1; at = chunk.indexOf(this.separator, from)) {
      this.rest.push(chunk.subarray(from, at));
      yield this.rest.length === 1 ? chunk.subarray(from, at) : Buffer.concat(this.rest);
      this.rest = [];
      from = at + 1;
    }
    if (from < chunk.length) this.rest.push(Buffer.from(chunk.subarray(from)));
  }
}
