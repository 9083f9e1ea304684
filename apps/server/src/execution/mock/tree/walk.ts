import type { IgnoreRules } from '@shadow/workspace/semantics';
import { rulesIn } from './ignored.ts';
import { type MemoryDirectory, type MemoryNode, sortedEntries } from './nodes.ts';

export interface WalkedEntry {
  readonly path: string;
  readonly node: MemoryNode;
}

export interface WalkOptions {
  /** What is left out; undefined for nothing. */
  rules?: IgnoreRules | undefined;
  /** Levels below the directory; default all. */
  depth?: number;
}

/** Everything below a directory in order of names, a directory before what is in it; never `.git`. */
export function* walk(
  directory: MemoryDirectory,
  relative: string,
  { rules, depth = Number.POSITIVE_INFINITY }: WalkOptions = {},
): Generator<WalkedEntry> {
  for (const [name, node] of sortedEntries(directory)) {
    if (name === '.git') continue;
    const path = relative === '' ? name : `${relative}/${name}`;
    if (rules?.ignores(path, node.kind === 'directory')) continue;
    yield { path, node };
    if (node.kind !== 'directory' || depth <= 1) continue;
    const inner = rules === undefined ? undefined : rulesIn(node, path, rules);
    yield* walk(node, path, { rules: inner, depth: depth - 1 });
  }
}
