import type { GitOperations, Result } from '@shadow/protocol';

/** Commits counted at most: beyond that it is many. */
const MOST_COUNTED = 1000;

/**
 * Work of a workspace that would be lost with it: `unsavedWork(executor, baseCommit)`.
 *
 * @param executor git in the workspace
 * @param baseCommit the commit that the work began at
 * @returns whether anything is uncommitted, and the commits since the base. Fails as `gitStatus` and `gitLog` do
 */
export async function unsavedWork(
  executor: Pick<GitOperations, 'gitStatus' | 'gitLog'>,
  baseCommit: string,
): Promise<Result<{ uncommitted: boolean; commits: number }>> {
  const status = await executor.gitStatus();
  if (!status.success) return status;
  const log = await executor.gitLog({ revision: `${baseCommit}..HEAD`, limit: MOST_COUNTED });
  if (!log.success) return log;
  return { success: true, uncommitted: !status.clean, commits: log.commits.length };
}
