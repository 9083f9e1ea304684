import { type GitCheckoutRequest, type GitCheckoutResult, ShadowError } from '@shadow/protocol';
import { checkBranchName } from './branch-name.ts';
import type { GitScope } from './git-scope.ts';
import { findCommit, noRevision, resolveCommit } from './revisions.ts';
import { runGit } from './run-git.ts';

/**
 * Switches to a branch, made at `createFrom` where it is not there yet; HEAD is always on a branch afterwards, and
 * local changes are carried over or refuse the switch, never lost.
 *
 * @throws ShadowError BRANCH_NOT_FOUND, VALIDATION_FAILED for a name git does not allow, GIT_CONFLICT when local changes
 *   are in the way
 */
export async function checkoutBranch(
  scope: GitScope,
  request: GitCheckoutRequest,
  signal: AbortSignal | undefined,
): Promise<GitCheckoutResult> {
  const { branch, createFrom } = request;
  await checkBranchName(scope, branch, signal);
  const args = ['switch', '--quiet', '--no-guess', '--no-recurse-submodules'];
  if ((await findCommit(scope, `refs/heads/${branch}`, signal)) !== undefined) {
    await switchTo(scope, [...args, branch], signal);
  } else {
    if (createFrom === undefined) throw noRevision(branch);
    const start = await resolveCommit(scope, createFrom, signal);
    await switchTo(scope, [...args, '--no-track', '--create', branch, start], signal);
  }
  return { branch, headCommit: await resolveCommit(scope, 'HEAD', signal) };
}

async function switchTo(
  scope: GitScope,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await runGit(scope, { args, signal });
  } catch (thrown) {
    // 1 is a refusal for the sake of local changes, 128 a failure.
    if (!(thrown instanceof ShadowError) || thrown.details?.exitCode !== 1) throw thrown;
    throw new ShadowError('GIT_CONFLICT', thrown.message, { cause: thrown });
  }
}
