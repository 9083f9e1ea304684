import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Counts the files of a tree and the bytes they take on disk; hard links count where they are found.
 *
 * @throws what the system says of the directory itself; what cannot be read below it is left out
 */
export async function measureTree(directory: string): Promise<{ bytes: number; files: number }> {
  let bytes = 0;
  let files = 0;
  const pending = [directory];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for await (const entry of entriesOf(next, next === directory)) {
      const path = join(next, entry.name);
      if (entry.isDirectory()) {
        pending.push(path);
        continue;
      }
      // The agent may remove a file while it is being counted.
      const found = await lstat(path).catch(() => undefined);
      if (found === undefined) continue;
      files += 1;
      bytes += found.blocks * 512;
    }
  }
  return { bytes, files };
}

async function* entriesOf(directory: string, mustBeThere: boolean) {
  try {
    yield* await opendir(directory);
  } catch (error) {
    if (mustBeThere) throw error;
  }
}
