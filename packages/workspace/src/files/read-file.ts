import { type ReadFileRequest, type ReadFileResult, ShadowError } from '@shadow/protocol';
import { lineStarts } from './lines.ts';
import { isBinary, readBytes } from './read-bytes.ts';
import type { FileScope } from './scope.ts';
import { decodeText } from './text.ts';

/** Bytes of content returned unless the request says otherwise: more is rarely read by anybody. */
const DEFAULT_MAX_BYTES = 256 * 1024;

/**
 * Reads a text file or a range of its lines.
 *
 * @throws ShadowError FILE_NOT_FOUND, NOT_A_FILE, FILE_TOO_LARGE, FILE_IS_BINARY, VALIDATION_FAILED for a range that
 *   lies beyond the file's end
 */
export async function readTextFile(
  scope: FileScope,
  request: ReadFileRequest,
  signal: AbortSignal | undefined,
): Promise<ReadFileResult> {
  await using place = await scope.confinement.resolve(request.path);
  const { bytes, hash } = await readBytes(place, scope.runAs, signal);
  return selectText(place.shown, bytes, hash, request);
}

/**
 * What of a file's bytes a request asks for.
 *
 * @param shown the path as the result names it
 * @param hash of the bytes, SHA-256 in hex
 * @throws ShadowError FILE_IS_BINARY, VALIDATION_FAILED
 */
export function selectText(
  shown: string,
  bytes: Buffer,
  hash: string,
  request: ReadFileRequest,
): ReadFileResult {
  const decoded = decodeText(bytes);
  if (decoded === undefined) throw isBinary(shown, bytes.length);
  const starts = lineStarts(decoded.text);
  const range = rangeOf(request, starts.length);
  const cut = cutLines(decoded.text, starts, range, request.maxBytes ?? DEFAULT_MAX_BYTES);
  return {
    path: shown,
    content: cut.content,
    encoding: decoded.encoding,
    size: bytes.length,
    totalLines: starts.length,
    startLine: range.first,
    endLine: cut.last,
    truncated: cut.truncated,
    hash,
  };
}

interface LineRange {
  first: number;
  /** Inclusive; before `first` when there is no line at all. */
  last: number;
}

function rangeOf(request: ReadFileRequest, totalLines: number): LineRange {
  const first = request.startLine ?? 1;
  const last = Math.min(request.endLine ?? totalLines, totalLines);
  if (request.endLine !== undefined && request.endLine < first)
    throw badRange('endLine', 'is before startLine');
  if (first > Math.max(totalLines, 1)) throw badRange('startLine', `is after the last line (${totalLines})`);
  return { first, last };
}

function badRange(field: string, reason: string): ShadowError {
  return new ShadowError('VALIDATION_FAILED', `The request is not valid. ${field}: ${reason}`, {
    details: { issues: [{ field, reason }] },
  });
}

/** The lines of a range as far as the byte limit allows: whole lines, or the beginning of a first one that alone is too long. */
function cutLines(
  text: string,
  starts: readonly number[],
  range: LineRange,
  maxBytes: number,
): { content: string; last: number; truncated: boolean } {
  const from = starts[range.first - 1] ?? text.length;
  const whole = text.slice(from, starts[range.last] ?? text.length);
  // No UTF-16 unit takes more than three bytes: most files need no counting.
  if (whole.length * 3 <= maxBytes || Buffer.byteLength(whole) <= maxBytes) {
    return { content: whole, last: range.last, truncated: false };
  }
  let used = 0;
  let line = range.first;
  for (; line <= range.last; line += 1) {
    const size = Buffer.byteLength(text.slice(starts[line - 1], starts[line] ?? text.length));
    if (used + size > maxBytes) break;
    used += size;
  }
  if (line > range.first) {
    return { content: text.slice(from, starts[line - 1]), last: line - 1, truncated: true };
  }
  return { content: cutBytes(whole, maxBytes), last: range.first, truncated: true };
}

/** The longest beginning of a text that takes no more than so many bytes as UTF-8. */
function cutBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text.slice(0, maxBytes), 'utf8');
  let end = Math.min(maxBytes, bytes.length);
  // Step back over a character that the cut would split: its continuation bytes are 10xxxxxx.
  while (end > 0 && end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}
