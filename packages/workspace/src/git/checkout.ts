import { type GitCheckoutRequest, type GitCheckoutResult, ShadowError } from '@shadow/protocol';
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
  await checkName(scope, branch, signal);
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

async function checkName(scope: GitScope, branch: string, signal: AbortSignal | undefined): Promise<void> {
  const args = ['check-ref-format', `refs/heads/${branch}`];
  const { exitCode } = await runGit(scope, { args, signal, accept: [0, 1] });
  if (exitCode === 0 && !branch.startsWith('-')) return;
  const reason = 'is not a name that git allows for a branch';
  throw new ShadowError('VALIDATION_FAILED', `The request is not valid. branch: ${reason}`, {
    details: { issues: [{ field: 'branch', reason }] },
  });
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
