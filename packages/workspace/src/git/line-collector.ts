import { StringDecoder } from 'node:string_decoder';
import type { GitCredential } from '@shadow/protocol';
import { scrubbed } from './credential.ts';

/** Characters kept of the end of what was said. */
const KEPT = 2_000;
const LONGEST_LINE = 4_096;

/** Cuts what git says into lines, without credentials, and keeps the last of them. */
export class LineCollector {
  readonly #credential: GitCredential | undefined;
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';
  #kept = '';

  constructor(credential: GitCredential | undefined, onLine: ((line: string) => void) | undefined) {
    this.#credential = credential;
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    const pieces = (this.#rest + this.#decoder.write(chunk)).split(/[\r\n]/);
    this.#rest = (pieces.pop() ?? '').slice(0, LONGEST_LINE);
    for (const piece of pieces) this.#line(piece);
  }

  /** The last lines. */
  text(): string {
    if (this.#rest !== '') this.#line(this.#rest);
    this.#rest = '';
    return this.#kept.trim();
  }

  #line(piece: string): void {
    const line = scrubbed(piece.slice(0, LONGEST_LINE).trimEnd(), this.#credential);
    if (line === '') return;
    this.#onLine?.(line);
    // A line of progress is replaced by the next one, on a terminal too.
    if (!/\d+% \(\d+\/\d+\)/.test(line)) this.#kept = `${this.#kept}${line}\n`.slice(-KEPT);
  }
}
