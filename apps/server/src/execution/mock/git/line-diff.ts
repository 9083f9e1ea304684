/** A stretch of lines that is the same on both sides, gone, or new. Line numbers count from 0. */
export interface Edit {
  readonly kind: 'same' | 'removed' | 'added';
  readonly line: string;
}

/** Edits after which a shortest script is not worth its time: the rest is then replaced whole. */
const MAX_EDITS = 1_000;

/**
 * A shortest edit script between two lists of lines (Myers, 1986), removals before additions.
 *
 * @param before old lines, line ends included
 * @param after new lines
 */
export function diffLines(before: readonly string[], after: readonly string[]): Edit[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let beforeEnd = before.length;
  let afterEnd = after.length;
  while (beforeEnd > start && afterEnd > start && before[beforeEnd - 1] === after[afterEnd - 1]) {
    beforeEnd -= 1;
    afterEnd -= 1;
  }
  const same = (line: string): Edit => ({ kind: 'same', line });
  return [
    ...before.slice(0, start).map(same),
    ...middle(before.slice(start, beforeEnd), after.slice(start, afterEnd)),
    ...before.slice(beforeEnd).map(same),
  ];
}

function middle(a: readonly string[], b: readonly string[]): Edit[] {
  const trace = a.length === 0 || b.length === 0 ? undefined : furthestReaching(a, b);
  if (trace !== undefined) return backtrack(a, b, trace);
  return [
    ...a.map((line): Edit => ({ kind: 'removed', line })),
    ...b.map((line): Edit => ({ kind: 'added', line })),
  ];
}

/** The furthest points of each number of edits; undefined beyond MAX_EDITS. */
function furthestReaching(a: readonly string[], b: readonly string[]): Int32Array[] | undefined {
  const bound = Math.min(a.length + b.length, MAX_EDITS);
  const offset = bound + 1;
  const furthest = new Int32Array(2 * bound + 3);
  const trace: Int32Array[] = [];
  for (let edits = 0; edits <= bound; edits += 1) {
    trace.push(furthest.slice(offset - edits - 1, offset + edits + 2));
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const down = furthest[offset + diagonal + 1] ?? 0;
      const right = (furthest[offset + diagonal - 1] ?? 0) + 1;
      let x = diagonal === -edits || (diagonal !== edits && right <= down) ? down : right;
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) x += 1;
      furthest[offset + diagonal] = x;
      if (x >= a.length && x - diagonal >= b.length) return trace;
    }
  }
  return undefined;
}

function backtrack(a: readonly string[], b: readonly string[], trace: readonly Int32Array[]): Edit[] {
  const edits: Edit[] = [];
  let x = a.length;
  let y = b.length;
  for (let count = trace.length - 1; count >= 0; count -= 1) {
    const at = (diagonal: number): number => trace[count]?.[diagonal + count + 1] ?? 0;
    const diagonal = x - y;
    const cameDown = diagonal === -count || (diagonal !== count && at(diagonal - 1) + 1 <= at(diagonal + 1));
    const previous = cameDown ? diagonal + 1 : diagonal - 1;
    const previousX = at(previous);
    const previousY = previousX - previous;
    for (; x > previousX && y > previousY; x -= 1, y -= 1) edits.push({ kind: 'same', line: a[x - 1] ?? '' });
    if (count === 0) break;
    if (cameDown) edits.push({ kind: 'added', line: b[previousY] ?? '' });
    else edits.push({ kind: 'removed', line: a[previousX] ?? '' });
    x = previousX;
    y = previousY;
  }
  return edits.reverse();
}
