/** Line ends of a text. */
export type LineEnd = '\n' | '\r\n';

/** The line end that a text mostly uses; undefined when it has no line end at all. */
export function dominantLineEnd(text: string): LineEnd | undefined {
  let crlf = 0;
  let lf = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) {
    if (text.charCodeAt(at - 1) === 0x0d) crlf += 1;
    else lf += 1;
  }
  if (crlf === 0 && lf === 0) return undefined;
  return crlf > lf ? '\r\n' : '\n';
}

/** The text with every CRLF turned into LF. */
export function toLf(text: string): string {
  return text.includes('\r') ? text.replaceAll('\r\n', '\n') : text;
}

/** The text with every line end turned into the given one. */
export function withLineEnd(text: string, lineEnd: LineEnd): string {
  return lineEnd === '\n' ? toLf(text) : toLf(text).replaceAll('\n', '\r\n');
}

/** Offset of each line's first character; a final line end starts no further line, an empty text has no line. */
export function lineStarts(text: string): number[] {
  const starts: number[] = [];
  for (let start = 0; start < text.length; ) {
    starts.push(start);
    const end = text.indexOf('\n', start);
    start = end === -1 ? text.length : end + 1;
  }
  return starts;
}

/** Lines of a text, line ends included. */
export function splitLines(text: string): string[] {
  const starts = lineStarts(text);
  return starts.map((start, index) => text.slice(start, starts[index + 1] ?? text.length));
}

/** Edits after which an exact count is not worth its time any more; the counts are then an upper bound. */
const MAX_EDITS = 2_000;

/**
 * Counts added and removed lines between two texts, as a minimal diff would (Myers, 1986, without its trace).
 *
 * @param before the old text
 * @param after the new text
 */
export function countLineChanges(before: string, after: string): { additions: number; deletions: number } {
  const old = splitLines(before);
  const fresh = splitLines(after);
  let start = 0;
  while (start < old.length && start < fresh.length && old[start] === fresh[start]) start += 1;
  let oldEnd = old.length;
  let freshEnd = fresh.length;
  while (oldEnd > start && freshEnd > start && old[oldEnd - 1] === fresh[freshEnd - 1]) {
    oldEnd -= 1;
    freshEnd -= 1;
  }
  const removed = old.slice(start, oldEnd);
  const added = fresh.slice(start, freshEnd);
  const edits = shortestEdit(removed, added) ?? removed.length + added.length;
  const grown = added.length - removed.length;
  return { additions: (edits + grown) / 2, deletions: (edits - grown) / 2 };
}

/** Length of the shortest edit script, or undefined beyond MAX_EDITS. */
function shortestEdit(a: readonly string[], b: readonly string[]): number | undefined {
  if (a.length === 0 || b.length === 0) return a.length + b.length;
  const bound = Math.min(a.length + b.length, MAX_EDITS);
  const furthest = new Int32Array(2 * bound + 3);
  const middle = bound + 1;
  for (let edits = 0; edits <= bound; edits += 1) {
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const down = furthest[middle + diagonal + 1] ?? 0;
      const right = (furthest[middle + diagonal - 1] ?? 0) + 1;
      let x = diagonal === -edits || (diagonal !== edits && right <= down) ? down : right;
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) x += 1;
      furthest[middle + diagonal] = x;
      if (x >= a.length && x - diagonal >= b.length) return edits;
    }
  }
  return undefined;
}
