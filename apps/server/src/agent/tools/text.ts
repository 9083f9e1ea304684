/** Characters of one line shown to a model; longer ones (minified files, data) are cut with a marker. */
const MAX_LINE_CHARACTERS = 2000;

/** Bytes of one tool result shown to a model. */
const MAX_OUTPUT_BYTES = 65_536;

const encoder = new TextEncoder();

/**
 * The longest prefix of a text that fits in so many bytes of UTF-8, never splitting a character.
 * @param text the text
 * @param maxBytes bytes that the prefix may have
 */
export function prefixOfBytes(text: string, maxBytes: number): string {
  // A UTF-16 unit is at least one byte, so longer prefixes cannot fit.
  const head = text.slice(0, maxBytes);
  const { read } = encoder.encodeInto(head, new Uint8Array(maxBytes));
  return read === text.length ? text : head.slice(0, read);
}

/**
 * Bounds a text for the model: head and tail stay, the middle is left out with a marker that says how much.
 * @param text the text
 * @param maxBytes bytes of UTF-8 that stay; default 64 KiB
 */
export function boundOutput(text: string, maxBytes = MAX_OUTPUT_BYTES): string {
  const size = Buffer.byteLength(text);
  if (size <= maxBytes) return text;
  const head = prefixOfBytes(text, Math.floor(maxBytes * 0.6));
  const tail = suffixOfBytes(text, Math.floor(maxBytes * 0.4));
  const left = size - Buffer.byteLength(head) - Buffer.byteLength(tail);
  return `${head}\n[… ${left} bytes left out …]\n${tail}`;
}

function suffixOfBytes(text: string, maxBytes: number): string {
  let start = Math.max(0, text.length - maxBytes);
  while (Buffer.byteLength(text.slice(start)) > maxBytes) start += Math.max(1, (text.length - start) >> 5);
  // Never begin with the second half of a surrogate pair.
  const unit = text.charCodeAt(start);
  return text.slice(unit >= 0xdc00 && unit <= 0xdfff ? start + 1 : start);
}

/**
 * Lines with their numbers, as an editor shows them.
 * @param content text whose first line has the number `firstLine`
 * @param firstLine number of the first line, from 1
 */
export function numberLines(content: string, firstLine: number): string {
  const lines = content.replace(/\r?\n$/, '').split(/\r?\n/);
  const width = String(firstLine + lines.length - 1).length;
  return lines
    .map((line, index) => `${String(firstLine + index).padStart(width)}\t${cutLine(line)}`)
    .join('\n');
}

/** A line short enough to show. */
export function cutLine(line: string): string {
  if (line.length <= MAX_LINE_CHARACTERS) return line;
  return `${line.slice(0, MAX_LINE_CHARACTERS)} [… ${line.length - MAX_LINE_CHARACTERS} more characters]`;
}

/** A count with its noun: "1 match", "3 matches". */
export function count(quantity: number, singular: string, plural = `${singular}s`): string {
  return `${quantity} ${quantity === 1 ? singular : plural}`;
}

/** Milliseconds as a person reads them: "412 ms", "3.2 s", "2 min 5 s". */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Changed lines as a row shows them: "+4 −1". */
export function lineChange(additions: number, deletions: number): string {
  return `+${additions} −${deletions}`;
}
