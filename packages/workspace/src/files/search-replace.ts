import { type SearchReplaceRequest, type SearchReplaceResult, ShadowError } from '@shadow/protocol';
import { countLineChanges, dominantLineEnd, lineStarts, toLf, withLineEnd } from './lines.ts';
import { isBinary, readBytes } from './read-bytes.ts';
import { replaceFile } from './replace-file.ts';
import type { FileScope } from './scope.ts';
import { decodeText, encodeText } from './text.ts';

/** Places named in the error when the text is not unique. */
const MAX_LINES_NAMED = 20;

/**
 * Replaces exact text in a file; everything else of it stays, byte for byte.
 *
 * @throws ShadowError TEXT_NOT_FOUND (details: nearest line), TEXT_NOT_UNIQUE (details: count and lines),
 *   FILE_NOT_FOUND, FILE_IS_BINARY, FILE_CHANGED when somebody else wrote meanwhile, DISK_FULL
 */
export async function replaceText(
  scope: FileScope,
  request: SearchReplaceRequest,
  signal: AbortSignal | undefined,
): Promise<SearchReplaceResult> {
  await using place = await scope.confinement.resolve(request.path, { write: true });
  return await scope.locks.run(place.relative, async () => {
    const file = await readBytes(place, scope.runAs, signal);
    const { bytes, result } = replaceInBytes(place.shown, file.bytes, request);
    await replaceFile(place, (handle) => handle.writeFile(bytes), {
      owner: scope.runAs,
      previous: file.stats,
      mustBeUnchanged: true,
      exclusive: false,
      signal,
    });
    return result;
  });
}

/**
 * The bytes of a file after a replacement, and what is said of it.
 *
 * @param shown the path as the result names it
 * @throws ShadowError TEXT_NOT_FOUND, TEXT_NOT_UNIQUE, FILE_IS_BINARY
 */
export function replaceInBytes(
  shown: string,
  bytes: Buffer,
  request: SearchReplaceRequest,
): { bytes: Buffer; result: SearchReplaceResult } {
  const decoded = decodeText(bytes);
  if (decoded === undefined) throw isBinary(shown, bytes.length);
  const found = findAll(decoded.text, request.oldText);
  if (found.length === 0) throw notFound(shown, decoded.text, request.oldText);
  if (found.length > 1 && request.replaceAll !== true) throw notUnique(shown, decoded.text, found);
  const text = splice(decoded.text, found, request.newText);
  const result = {
    path: shown,
    replacements: found.length,
    line: lineAt(decoded.text, found[0]?.start ?? 0),
    ...countLineChanges(decoded.text, text),
  };
  return { bytes: encodeText(text, decoded), result };
}

/** Half-open range of characters. */
interface Span {
  start: number;
  end: number;
}

/** Occurrences of a text, not overlapping, where LF in either matches CRLF in the other. */
function findAll(text: string, wanted: string): Span[] {
  const plain = toLf(text);
  const needle = toLf(wanted);
  const original = offsetsBefore(text, plain);
  const spans: Span[] = [];
  for (let at = plain.indexOf(needle); at !== -1; at = plain.indexOf(needle, at + needle.length)) {
    spans.push({ start: original(at), end: original(at + needle.length) });
  }
  return spans;
}

/** Maps offsets in the LF text, asked for in rising order, to offsets in the text with its CRLFs. */
function offsetsBefore(text: string, plain: string): (offset: number) => number {
  if (plain.length === text.length) return (offset) => offset;
  let next = text.indexOf('\r\n');
  let removed = 0;
  return (offset) => {
    while (next !== -1 && next - removed < offset) {
      removed += 1;
      next = text.indexOf('\r\n', next + 2);
    }
    return offset + removed;
  };
}

function splice(text: string, spans: readonly Span[], replacement: string): string {
  const fileLineEnd = dominantLineEnd(text) ?? '\n';
  const parts: string[] = [];
  let kept = 0;
  for (const { start, end } of spans) {
    const lineEnd = dominantLineEnd(text.slice(start, end)) ?? fileLineEnd;
    // A file that mostly uses LF takes the replacement as it is, CRLFs of its own included.
    const fresh = lineEnd === '\r\n' ? withLineEnd(replacement, lineEnd) : replacement;
    parts.push(text.slice(kept, start), fresh);
    kept = end;
  }
  parts.push(text.slice(kept));
  return parts.join('');
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}

function notUnique(shown: string, text: string, found: readonly Span[]): ShadowError {
  const lines = found.slice(0, MAX_LINES_NAMED).map(({ start }) => lineAt(text, start));
  const named = `${lines.join(', ')}${found.length > lines.length ? ', …' : ''}`;
  return new ShadowError(
    'TEXT_NOT_UNIQUE',
    `The text occurs ${found.length} times in ${shown} (lines ${named}). Add surrounding lines, or set replaceAll.`,
    { details: { path: shown, count: found.length, lines } },
  );
}

function notFound(shown: string, text: string, wanted: string): ShadowError {
  const nearest = nearestLine(text, wanted);
  const hint =
    nearest === undefined
      ? ''
      : ` The nearest is line ${nearest.line}: ${JSON.stringify(nearest.text.slice(0, 200))}.`;
  return new ShadowError('TEXT_NOT_FOUND', `The text does not occur in ${shown}.${hint}`, {
    details: {
      path: shown,
      count: 0,
      ...(nearest === undefined
        ? {}
        : { nearestLine: nearest.line, nearestText: nearest.text.slice(0, 500) }),
    },
  });
}

/** The line that shares the most words with the first wanted line that has any; equal but for white space wins. */
function nearestLine(text: string, wanted: string): { line: number; text: string } | undefined {
  const goal = toLf(wanted)
    .split('\n')
    .find((line) => line.trim() !== '')
    ?.trim();
  if (goal === undefined) return undefined;
  const goalWords = new Set(wordsOf(goal));
  let best: { line: number; text: string } | undefined;
  let bestScore = 0;
  for (const [index, start] of lineStarts(text).entries()) {
    const end = text.indexOf('\n', start);
    const line = text.slice(start, end === -1 ? text.length : end).trimEnd();
    const score = similarity(line.trim(), goal, goalWords);
    if (score <= bestScore) continue;
    bestScore = score;
    best = { line: index + 1, text: line };
  }
  return bestScore >= 0.3 ? best : undefined;
}

function similarity(line: string, goal: string, goalWords: ReadonlySet<string>): number {
  if (line === goal) return 2;
  const words = new Set(wordsOf(line));
  if (words.size === 0 || goalWords.size === 0) return 0;
  let shared = 0;
  for (const word of words) if (goalWords.has(word)) shared += 1;
  return (2 * shared) / (words.size + goalWords.size);
}

function wordsOf(line: string): string[] {
  return line.slice(0, 2_000).match(/[\p{L}\p{N}_]+/gu) ?? [];
}
