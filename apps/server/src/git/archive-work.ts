import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type GitOperations, type Result, toShadowError } from '@shadow/protocol';

/** Where a bundle goes, and what is left out of it. */
export interface ArchiveRequest {
  /** Absolute directory of the server's own; made where it is missing. */
  archivesDir: string;
  /** Name of the bundle without its ending, such as the task's id. */
  name: string;
  /** What it reaches is not archived. */
  baseCommit: string;
}

/**
 * Keeps the work of a workspace on the server: commits what is loose, then streams HEAD and all branches since the base
 * into `<name>.bundle`, which appears under its name only when it is whole and on disk. Works over any executor. Done
 * again, it replaces what was there.
 *
 * `archiveWork(executor, { archivesDir, name, baseCommit }): Promise<Result<{ bundlePath: string | null }>>`
 *
 * @param executor git in the workspace
 * @returns absolute path of the bundle; null when there are no commits to keep. Fails as `gitCommit` and `gitBundle` do,
 *   with STREAM_INTERRUPTED when the bundle was cut
 */
export async function archiveWork(
  executor: Pick<GitOperations, 'gitCommit' | 'gitBundle'>,
  { archivesDir, name, baseCommit }: ArchiveRequest,
): Promise<Result<{ bundlePath: string | null }>> {
  const committed = await executor.gitCommit({ message: 'Uncommitted work at the time of archiving' });
  if (!committed.success && committed.error.code !== 'NOTHING_TO_COMMIT') return committed;
  const bundle = await executor.gitBundle({ since: baseCommit });
  if (!bundle.success) return bundle;
  const path = join(archivesDir, `${name}.bundle`);
  try {
    if (bundle.commits > 0) {
      await mkdir(archivesDir, { recursive: true, mode: 0o700 });
      await writeWhole(path, bundle.content);
      await syncDirectory(archivesDir);
      return { success: true, bundlePath: path };
    }
    // Read to its end all the same: that lets go of the connection.
    for await (const _ of bundle.content);
    return { success: true, bundlePath: null };
  } catch (error) {
    return { success: false, error: toShadowError(error).toOperationError() };
  }
}

async function writeWhole(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const fresh = `${path}.new`;
  const file = await open(fresh, 'w', 0o600);
  try {
    for await (const chunk of content) await file.writeFile(chunk);
    await file.sync();
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(fresh, path);
}

/** A rename is on disk when its directory is. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
