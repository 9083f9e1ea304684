import type { FsChange } from '@shadow/protocol';
import { isIgnored } from './tree/ignored.ts';
import type { MemoryTree } from './tree/memory-tree.ts';
import type { ChangeKind } from './tree/tree-changes.ts';

/** Changes named in one batch. */
const MAX_BATCH = 1_000;

/** Changes of the tree in batches, without what git ignores, until the signal aborts. */
export async function* watchTree(
  tree: MemoryTree,
  signal: AbortSignal | undefined,
): AsyncGenerator<FsChange, void> {
  if (signal?.aborted === true) return;
  let pending = new Map<string, ChangeKind>();
  let truncated = false;
  let wake = (): void => {};
  const stop = tree.changes.listen((path, kind, isDirectory) => {
    if (isIgnored(tree.root, path, isDirectory)) return;
    if (pending.has(path) || pending.size < MAX_BATCH) pending.set(path, kind);
    else truncated = true;
    wake();
  });
  const onAbort = (): void => wake();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      // Asked anew each time: it changes while this waits.
      if (isAborted(signal)) return;
      if (pending.size === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const batch = { changes: [...pending].map(([path, kind]) => ({ path, kind })), truncated };
      pending = new Map();
      truncated = false;
      yield batch;
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    stop();
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
