const HEADER = Buffer.from('\ndiff --git ');

/** The patch text of one file, cut where it is too long. */
export interface PatchSection {
  readonly text: string;
  readonly truncated: boolean;
}

/**
 * Takes a stream of patches apart, a section for each `diff --git` header, holding no more of each than allowed. Such a
 * header begins a section wherever it begins a line: lines of content begin with a space, `+`, `-` or a backslash, and
 * git quotes line ends in names.
 */
export class PatchSplitter {
  private readonly maxSectionBytes: number;
  private budget: number;
  private readonly finished: PatchSection[] = [];
  private parts: Buffer[] | undefined;
  private size = 0;
  private truncated = false;
  private carry: Buffer = Buffer.from('\n');

  /**
   * @param maxSectionBytes bytes kept of each section
   * @param maxTotalBytes bytes kept of all
   */
  constructor(maxSectionBytes: number, maxTotalBytes: number) {
    this.maxSectionBytes = maxSectionBytes;
    this.budget = maxTotalBytes;
  }

  /** Takes the next piece of git's output. */
  push(chunk: Buffer): void {
    const data = Buffer.concat([this.carry, chunk]);
    let from = 0;
    for (let at = data.indexOf(HEADER); at !== -1; at = data.indexOf(HEADER, at + 1)) {
      this.keep(data.subarray(from, at + 1));
      this.finish();
      this.parts = [];
      from = at + 1;
    }
    // A header may begin in this piece and end in the next.
    const hold = Math.max(from, data.length - HEADER.length + 1);
    this.keep(data.subarray(from, hold));
    this.carry = Buffer.from(data.subarray(hold));
  }

  /** All sections, in git's order. */
  end(): PatchSection[] {
    this.keep(this.carry);
    this.finish();
    return this.finished;
  }

  private keep(bytes: Buffer): void {
    if (this.parts === undefined || bytes.length === 0) return;
    const room = Math.min(this.maxSectionBytes - this.size, this.budget);
    if (bytes.length > room) this.truncated = true;
    const kept = bytes.subarray(0, Math.max(room, 0));
    if (kept.length === 0) return;
    this.parts.push(Buffer.from(kept));
    this.size += kept.length;
    this.budget -= kept.length;
  }

  private finish(): void {
    if (this.parts === undefined) return;
    const bytes = Buffer.concat(this.parts);
    const end = this.truncated ? bytes.lastIndexOf(0x0a) + 1 : bytes.length;
    this.finished.push({ text: bytes.toString('utf8', 0, end), truncated: this.truncated });
    this.parts = undefined;
    this.size = 0;
    this.truncated = false;
  }
}
