/**
 * A patch without the changes that touch white space alone: such pairs of lines become context. Line counts of the
 * hunks stay right, since each pair counts once on either side, as context does.
 */
export function withoutWhitespaceChanges(patch: string): string {
  const lines = patch.split('\n');
  const out: string[] = [];
  let inHunk = false;
  let index = 0;
  while (index < lines.length) {
    const line = lines[index] ?? '';
    if (line.startsWith('@@')) inHunk = true;
    if (!inHunk || !line.startsWith('-')) {
      out.push(line);
      index += 1;
      continue;
    }
    const removed = takeWhile(lines, index, '-');
    const added = takeWhile(lines, index + removed.length, '+');
    out.push(...mergePairs(removed, added));
    index += removed.length + added.length;
  }
  return out.join('\n');
}

function takeWhile(lines: string[], from: number, mark: string): string[] {
  let to = from;
  while (lines[to]?.startsWith(mark)) to += 1;
  return lines.slice(from, to);
}

/** Only runs of equal length pair up line by line; others are left as they are. */
function mergePairs(removed: string[], added: string[]): string[] {
  if (removed.length !== added.length) return [...removed, ...added];
  const out: string[] = [];
  let waiting: string[] = [];
  removed.forEach((old, at) => {
    const fresh = added[at] ?? '';
    if (bare(old) === bare(fresh)) {
      out.push(...waiting, ` ${fresh.slice(1)}`);
      waiting = [];
      return;
    }
    out.push(old);
    waiting.push(fresh);
  });
  return [...out, ...waiting];
}

function bare(line: string): string {
  return line.slice(1).replace(/\s+/g, '');
}
