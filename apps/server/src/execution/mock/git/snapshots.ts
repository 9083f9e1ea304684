import { splitLines } from '@shadow/workspace/semantics';
import { isIgnored } from '../tree/ignored.ts';
import type { MemoryTree } from '../tree/memory-tree.ts';
import { walk } from '../tree/walk.ts';

/** Content of a file as git keeps it. */
export interface Blob {
  readonly bytes: Buffer;
  readonly mode: '100644' | '100755' | '120000';
}

/** All files of a commit or of the working tree, by path. */
export type Snapshot = ReadonlyMap<string, Blob>;

export interface TreeChange {
  readonly path: string;
  readonly oldPath?: string;
  /** Percent; of a rename. */
  readonly similarity?: number;
  readonly before: Blob | undefined;
  readonly after: Blob | undefined;
}

/** Percent of lines two files must share to count as one that was renamed, git's default. */
const RENAME_PERCENT = 50;

/**
 * The files of the tree that git would look at: tracked ones, and those that are not ignored.
 *
 * @param tracked paths of the present commit
 */
export function workingSnapshot(tree: MemoryTree, tracked: Snapshot): Map<string, Blob> {
  const files = new Map<string, Blob>();
  for (const { path, node } of walk(tree.root, '')) {
    if (node.kind === 'directory') continue;
    if (!tracked.has(path) && isIgnored(tree.root, path, false)) continue;
    files.set(
      path,
      node.kind === 'symlink'
        ? { bytes: Buffer.from(node.target), mode: '120000' }
        : { bytes: node.bytes, mode: (node.mode & 0o100) === 0 ? '100644' : '100755' },
    );
  }
  return files;
}

export function isSameBlob(a: Blob | undefined, b: Blob | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.mode === b.mode && a.bytes.equals(b.bytes);
}

/** What differs, in order of paths, each path by itself. */
export function compare(before: Snapshot, after: Snapshot): TreeChange[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.flatMap((path) => {
    const change = { path, before: before.get(path), after: after.get(path) };
    return isSameBlob(change.before, change.after) ? [] : [change];
  });
}

/** Joins what was deleted here and added there into renames. */
export function findRenames(changes: readonly TreeChange[]): TreeChange[] {
  const deleted = new Map(
    changes.flatMap((change) => (change.after === undefined ? [[change.path, change] as const] : [])),
  );
  const taken = new Set<string>();
  const joined = changes.map((change): TreeChange => {
    if (change.before !== undefined || change.after === undefined) return change;
    let best: { oldPath: string; before: Blob; similarity: number } | undefined;
    for (const [oldPath, { before }] of deleted) {
      if (taken.has(oldPath) || before === undefined) continue;
      const similarity = similarityOf(before, change.after);
      if (similarity >= RENAME_PERCENT && similarity > (best?.similarity ?? 0))
        best = { oldPath, before, similarity };
    }
    if (best === undefined) return change;
    taken.add(best.oldPath);
    return { ...change, ...best };
  });
  return joined.filter(({ path, after }) => after !== undefined || !taken.has(path));
}

function similarityOf(before: Blob, after: Blob): number {
  if (before.bytes.equals(after.bytes)) return before.bytes.length === 0 ? 0 : 100;
  const counts = new Map<string, number>();
  for (const line of splitLines(before.bytes.toString('utf8'))) counts.set(line, (counts.get(line) ?? 0) + 1);
  let shared = 0;
  for (const line of splitLines(after.bytes.toString('utf8'))) {
    const left = counts.get(line) ?? 0;
    if (left === 0) continue;
    counts.set(line, left - 1);
    shared += Buffer.byteLength(line);
  }
  return Math.floor((100 * shared) / Math.max(before.bytes.length, after.bytes.length, 1));
}
