import { createHash } from 'node:crypto';
import { splitLines } from '@shadow/workspace/semantics';
import { diffLines, type Edit } from './line-diff.ts';
import type { Blob, TreeChange } from './snapshots.ts';

export interface Patch {
  readonly text: string;
  readonly additions: number;
  readonly deletions: number;
}

/** The change of a file as git shows it. */
export function unifiedPatch(change: TreeChange, contextLines: number): Patch {
  const { before, after } = change;
  const edits = diffLines(linesOf(before), linesOf(after));
  const body = hunks(edits, contextLines).join('');
  const from = before === undefined ? '/dev/null' : `a/${change.oldPath ?? change.path}`;
  const to = after === undefined ? '/dev/null' : `b/${change.path}`;
  const files = body === '' ? '' : `--- ${from}\n+++ ${to}\n`;
  return {
    text: `diff --git a/${change.oldPath ?? change.path} b/${change.path}\n${extendedHeader(change)}${files}${body}`,
    additions: edits.filter(({ kind }) => kind === 'added').length,
    deletions: edits.filter(({ kind }) => kind === 'removed').length,
  };
}

/** Whether git would take it for no text. */
export function isBinaryBlob(blob: Blob | undefined): boolean {
  return blob?.bytes.subarray(0, 8000).includes(0) ?? false;
}

function linesOf(blob: Blob | undefined): string[] {
  return blob === undefined ? [] : splitLines(blob.bytes.toString('utf8'));
}

function extendedHeader({ before, after, oldPath, path, similarity }: TreeChange): string {
  const lines: string[] = [];
  if (before === undefined) lines.push(`new file mode ${after?.mode}`);
  else if (after === undefined) lines.push(`deleted file mode ${before.mode}`);
  else if (before.mode !== after.mode) lines.push(`old mode ${before.mode}`, `new mode ${after.mode}`);
  if (oldPath !== undefined) {
    lines.push(`similarity index ${similarity}%`, `rename from ${oldPath}`, `rename to ${path}`);
  }
  const ids = [shortId(before), shortId(after)];
  const mode =
    before !== undefined && after !== undefined && before.mode === after.mode ? ` ${after.mode}` : '';
  if (ids[0] !== ids[1]) lines.push(`index ${ids[0]}..${ids[1]}${mode}`);
  return lines.map((line) => `${line}\n`).join('');
}

function shortId(blob: Blob | undefined): string {
  if (blob === undefined) return '0000000';
  return createHash('sha1')
    .update(`blob ${blob.bytes.length}\0`)
    .update(blob.bytes)
    .digest('hex')
    .slice(0, 7);
}

interface Numbered extends Edit {
  /** Lines of either side before this one. */
  readonly oldBefore: number;
  readonly newBefore: number;
}

function hunks(edits: readonly Edit[], contextLines: number): string[] {
  const numbered = number(edits);
  const changed = numbered.flatMap(({ kind }, index) => (kind === 'same' ? [] : [index]));
  const ranges: { from: number; to: number }[] = [];
  for (const index of changed) {
    const from = Math.max(0, index - contextLines);
    const to = Math.min(edits.length, index + contextLines + 1);
    const last = ranges.at(-1);
    if (last !== undefined && from <= last.to) last.to = to;
    else ranges.push({ from, to });
  }
  return ranges.map(({ from, to }) => hunk(numbered.slice(from, to)));
}

function number(edits: readonly Edit[]): Numbered[] {
  let oldBefore = 0;
  let newBefore = 0;
  return edits.map((edit) => {
    const numbered = { ...edit, oldBefore, newBefore };
    if (edit.kind !== 'added') oldBefore += 1;
    if (edit.kind !== 'removed') newBefore += 1;
    return numbered;
  });
}

const SIGN = { same: ' ', removed: '-', added: '+' } as const;

function hunk(edits: readonly Numbered[]): string {
  const first = edits[0];
  const count = (other: Edit['kind']) => edits.filter(({ kind }) => kind !== other).length;
  const range = (before: number, lines: number) =>
    lines === 1 ? `${before + 1}` : `${lines === 0 ? before : before + 1},${lines}`;
  const header = `@@ -${range(first?.oldBefore ?? 0, count('added'))} +${range(first?.newBefore ?? 0, count('removed'))} @@\n`;
  const body = edits.map(({ kind, line }) =>
    line.endsWith('\n') ? `${SIGN[kind]}${line}` : `${SIGN[kind]}${line}\n\\ No newline at end of file\n`,
  );
  return header + body.join('');
}
