import { ShadowError } from '@shadow/protocol';
import type { GitScope } from './git-scope.ts';
import { gitText, runGit } from './run-git.ts';

/**
 * The commit that a name stands for, or undefined when there is none.
 *
 * @param revision branch, tag, commit or anything else of gitrevisions(7)
 */
export async function findCommit(
  scope: GitScope,
  revision: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`];
  const { exitCode, stdout } = await runGit(scope, { args, signal, accept: [0, 1, 128] });
  return exitCode === 0 ? stdout.toString('utf8').trim() : undefined;
}

/**
 * The same, which must be there.
 *
 * @throws ShadowError BRANCH_NOT_FOUND
 */
export async function resolveCommit(
  scope: GitScope,
  revision: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const commit = await findCommit(scope, revision, signal);
  if (commit === undefined) throw noRevision(revision);
  return commit;
}

/** The error of a branch, tag or commit that is not there. */
export function noRevision(revision: string): ShadowError {
  return new ShadowError('BRANCH_NOT_FOUND', `There is no branch, tag or commit ${revision.slice(0, 300)}.`, {
    details: { revision: revision.slice(0, 300) },
  });
}

/** The branch that HEAD is on, born or not; null when it is on none. */
export async function currentBranch(
  scope: GitScope,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  const args = ['symbolic-ref', '--quiet', '--short', 'HEAD'];
  const { exitCode, stdout } = await runGit(scope, { args, signal, accept: [0, 1] });
  return exitCode === 0 ? stdout.toString('utf8').trim() : null;
}

/** Id of the tree without entries, in this repository's hash. */
export async function emptyTree(scope: GitScope, signal: AbortSignal | undefined): Promise<string> {
  return (await gitText(scope, { args: ['hash-object', '-t', 'tree', '-w', '--stdin'], signal })).trim();
}
