/** A run of terminal text of one look. */
export interface TerminalRun {
  text: string;
  /** A colour of the terminal's palette, 0 to 15; null for the default. */
  color: number | null;
  bold: boolean;
}

// Built from a string: control characters may not stand in a literal.
const ESC = '\u001b';
const SEQUENCE = new RegExp(
  `${ESC}\\[([0-9;:?]*)([ -/]*[@-~])|${ESC}\\][^\\u0007${ESC}]*(?:\\u0007|${ESC}\\\\)|${ESC}[@-Z\\\\-_]|[\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f]`,
  'g',
);

/**
 * Reads what a program wrote to its terminal as lines of coloured runs: of escape sequences the colours are kept
 * (ECMA-48 SGR), the rest is dropped; a carriage return writes its line anew.
 */
export function parseTerminal(text: string): TerminalRun[][] {
  let color: number | null = null;
  let bold = false;
  return text.split('\n').map((line) => {
    const runs: TerminalRun[] = [];
    let from = 0;
    const visible = lastWrite(line);
    const push = (piece: string) => {
      if (piece !== '') runs.push({ text: piece, color, bold });
    };
    for (const match of visible.matchAll(SEQUENCE)) {
      push(visible.slice(from, match.index));
      from = match.index + match[0].length;
      if (match[2] === 'm') [color, bold] = applySgr(match[1] ?? '', color, bold);
    }
    push(visible.slice(from));
    return runs;
  });
}

/** What remains visible of a line that carriage returns wrote over. */
function lastWrite(line: string): string {
  const bare = line.endsWith('\r') ? line.slice(0, -1) : line;
  const at = bare.lastIndexOf('\r');
  return at === -1 ? bare : bare.slice(at + 1);
}

function applySgr(parameters: string, color: number | null, bold: boolean): [number | null, boolean] {
  const codes = parameters.split(/[;:]/).map(Number);
  let [nextColor, nextBold] = [color, bold];
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index] ?? 0;
    if (code === 0) [nextColor, nextBold] = [null, false];
    else if (code === 1) nextBold = true;
    else if (code === 22) nextBold = false;
    else if (code === 39) nextColor = null;
    else if (code >= 30 && code <= 37) nextColor = code - 30;
    else if (code >= 90 && code <= 97) nextColor = code - 90 + 8;
    else if (code === 38 || code === 48) {
      // 256 and true colours: only the first sixteen are of our palette.
      const indexed = codes[index + 1] === 5;
      const value = codes[index + 2] ?? 0;
      if (code === 38) nextColor = indexed && value < 16 ? value : null;
      index += indexed ? 2 : 4;
    }
  }
  return [nextColor, nextBold];
}
