import type { GrepMatch, GrepSearchResult } from '@shadow/protocol';
import { type RipgrepEvent, textOf } from './ripgrep-json.ts';
import type { SearchPlace } from './search-place.ts';

/** Characters of a line that are returned: minified files have lines of megabytes. */
const MAX_LINE_LENGTH = 2_000;

interface Line {
  number: number;
  text: string;
}

/** A match that still waits for lines after it. */
interface OpenMatch {
  match: GrepMatch;
  lastLine: number;
}

/** What of a place is needed to name the files in it. */
export type CollectedPlace = Pick<SearchPlace, 'filePath' | 'prefix'>;

/** Puts ripgrep's events together into matches with the lines around them. */
export class MatchCollector {
  /** A match beyond the limit came: nothing more is wanted. */
  full = false;
  private readonly place: CollectedPlace;
  private readonly limit: number;
  private readonly contextLines: number;
  private readonly matches: GrepMatch[] = [];
  private readonly files = new Set<string>();
  // Of the file at hand; ripgrep writes one file after the other.
  private path = '';
  private recent: Line[] = [];
  private open: OpenMatch[] = [];

  /**
   * @param place what is searched; it completes the paths
   * @param limit matches kept
   * @param contextLines lines before and after each match
   */
  constructor(place: CollectedPlace, limit: number, contextLines: number) {
    this.place = place;
    this.limit = limit;
    this.contextLines = contextLines;
  }

  get any(): boolean {
    return this.matches.length > 0;
  }

  take(event: RipgrepEvent | undefined): void {
    if (event === undefined) return;
    this.enter(this.pathOf(event));
    const whole = textOf(event.data.lines);
    const first = event.data.line_number ?? 0;
    const lines = whole
      .replace(/\n$/, '')
      .split('\n')
      .map((text, index): Line => ({ number: first + index, text: shorten(text) }));
    for (const line of lines) this.addAfter(line);
    if (event.type === 'match') this.addMatch(whole, lines, event.data.submatches?.[0]?.start ?? 0);
    if (this.contextLines > 0) this.recent = [...this.recent, ...lines].slice(-this.contextLines);
  }

  result(): GrepSearchResult {
    this.matches.sort((a, b) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1));
    return { matches: this.matches, filesMatched: this.files.size, truncated: this.full };
  }

  private pathOf(event: RipgrepEvent): string {
    if (this.place.filePath !== undefined) return this.place.filePath;
    const named = textOf(event.data.path);
    return this.place.prefix + (named.startsWith('./') ? named.slice(2) : named);
  }

  private enter(path: string): void {
    if (path === this.path) return;
    this.path = path;
    this.recent = [];
    this.open = [];
  }

  private addAfter(line: Line): void {
    this.open = this.open.filter(({ lastLine }) => line.number <= lastLine + this.contextLines);
    for (const { match, lastLine } of this.open) if (line.number > lastLine) match.after.push(line.text);
  }

  private addMatch(whole: string, lines: readonly Line[], byteOffset: number): void {
    if (this.matches.length >= this.limit) {
      this.full = true;
      return;
    }
    const line = lines[0]?.number ?? 0;
    const before = this.recent.filter(({ number }) => number >= line - this.contextLines && number < line);
    const match: GrepMatch = {
      path: this.path,
      line,
      column: columnOf(whole, byteOffset),
      text: shorten(whole.replace(/\r?\n$/, '')),
      before: before.map(({ text }) => text),
      after: [],
    };
    this.matches.push(match);
    this.files.add(this.path);
    if (this.contextLines > 0) this.open.push({ match, lastLine: lines.at(-1)?.number ?? line });
  }
}

/** Characters before a byte offset, from 1. */
function columnOf(text: string, byteOffset: number): number {
  return Buffer.from(text).subarray(0, byteOffset).toString('utf8').length + 1;
}

function shorten(text: string): string {
  const plain = text.endsWith('\r') ? text.slice(0, -1) : text;
  return plain.length <= MAX_LINE_LENGTH ? plain : `${plain.slice(0, MAX_LINE_LENGTH)}…`;
}
