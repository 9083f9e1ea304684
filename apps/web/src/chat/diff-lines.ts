/** A line of an edit. */
export interface DiffLine {
  kind: 'added' | 'removed' | 'same';
  text: string;
}

/** Cells of the comparison's table that are worth their time; larger edits are told as "all out, all in". */
const MAX_CELLS = 250_000;

/** Compares two short texts by lines, longest common subsequence; equal beginnings and ends are cut off first. */
export function diffLines(before: string, after: string): DiffLine[] {
  const old = split(before);
  const fresh = split(after);
  let start = 0;
  while (start < old.length && start < fresh.length && old[start] === fresh[start]) start += 1;
  let end = 0;
  while (
    end < old.length - start &&
    end < fresh.length - start &&
    old[old.length - 1 - end] === fresh[fresh.length - 1 - end]
  ) {
    end += 1;
  }
  const head = old.slice(0, start).map(same);
  const tail = old.slice(old.length - end).map(same);
  const middle = compare(old.slice(start, old.length - end), fresh.slice(start, fresh.length - end));
  return [...head, ...middle, ...tail];
}

function split(text: string): string[] {
  if (text === '') return [];
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function same(text: string): DiffLine {
  return { kind: 'same', text };
}

function compare(old: string[], fresh: string[]): DiffLine[] {
  const removed = old.map((text): DiffLine => ({ kind: 'removed', text }));
  const added = fresh.map((text): DiffLine => ({ kind: 'added', text }));
  if (old.length * fresh.length > MAX_CELLS || old.length === 0 || fresh.length === 0)
    return [...removed, ...added];
  const width = fresh.length + 1;
  const table = new Uint32Array((old.length + 1) * width);
  const cell = (row: number, column: number) => table[row * width + column] ?? 0;
  for (let row = old.length - 1; row >= 0; row -= 1) {
    for (let column = fresh.length - 1; column >= 0; column -= 1) {
      table[row * width + column] =
        old[row] === fresh[column]
          ? cell(row + 1, column + 1) + 1
          : Math.max(cell(row + 1, column), cell(row, column + 1));
    }
  }
  const lines: DiffLine[] = [];
  let row = 0;
  let column = 0;
  while (row < old.length || column < fresh.length) {
    const out = removed[row];
    const into = added[column];
    if (out !== undefined && into !== undefined && out.text === into.text) {
      lines.push(same(out.text));
      row += 1;
      column += 1;
    } else if (out !== undefined && (into === undefined || cell(row + 1, column) >= cell(row, column + 1))) {
      lines.push(out);
      row += 1;
    } else if (into !== undefined) {
      lines.push(into);
      column += 1;
    }
  }
  return lines;
}
