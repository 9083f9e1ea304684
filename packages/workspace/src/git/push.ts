import { type GitPushRequest, type GitPushResult, ShadowError } from '@shadow/protocol';
import { checkBranchName } from './branch-name.ts';
import { TRACKED } from './finish-clone.ts';
import type { GitScope } from './git-scope.ts';
import { findCommit, noRevision } from './revisions.ts';
import { repositorySettings, runGit } from './run-git.ts';
import { networkTo, transportFailure } from './transport.ts';

/**
 * Pushes a branch. Done twice it comes to the same: a branch that is there already as wanted is a success.
 *
 * @throws ShadowError BRANCH_NOT_FOUND (no such branch here), GIT_CONFLICT when the branch there holds something else
 *   than was expected, REPOSITORY_ACCESS_DENIED (also when the server's rules refuse it), REPOSITORY_NOT_FOUND,
 *   REPOSITORY_UNREACHABLE, VALIDATION_FAILED
 */
export async function pushBranch(
  scope: GitScope,
  request: GitPushRequest,
  signal: AbortSignal | undefined,
): Promise<GitPushResult> {
  const { branch, remoteBranch = branch, forceWithLease } = request;
  const { originUrl } = await repositorySettings(scope, signal);
  const url = addressOf(request, originUrl);
  const network = networkTo(scope, url, request.credential);
  await checkBranchName(scope, branch, signal);
  await checkBranchName(scope, remoteBranch, signal, 'remoteBranch');
  const commit = await findCommit(scope, `refs/heads/${branch}`, signal);
  if (commit === undefined) throw noRevision(branch);
  const target = `refs/heads/${remoteBranch}`;
  const args = [
    'push',
    '--porcelain',
    '--no-verify',
    '--no-recurse-submodules',
    '--no-signed',
    ...(forceWithLease === undefined ? [] : [`--force-with-lease=${target}:${forceWithLease ?? ''}`]),
    '--',
    url,
    `${commit}:${target}`,
  ];
  const output = await runGit(scope, { args, network, signal, accept: [0, 1, 128] });
  const outcome = parseOutcome(output.stdout.toString('utf8'));
  if (outcome?.flag === '!') throw refused(remoteBranch, outcome.summary);
  if (output.exitCode !== 0 || outcome === undefined) throw transportFailure(network, 'push', output);
  if (url === originUrl) {
    await runGit(scope, { args: ['update-ref', `${TRACKED}${remoteBranch}`, commit], signal });
  }
  return { commit, created: outcome.flag === '*' };
}

/** A credential goes nowhere that the workspace could have chosen. */
function addressOf({ url, credential }: GitPushRequest, origin: string | undefined): string {
  if (url !== undefined) return url;
  const reason =
    credential !== undefined
      ? 'must be given with a credential: the workspace can change its own origin'
      : 'must be given, since the repository has no origin';
  if (credential === undefined && origin !== undefined) return origin;
  throw new ShadowError('VALIDATION_FAILED', `The request is not valid. url: ${reason}`, {
    details: { issues: [{ field: 'url', reason }] },
  });
}

/** The one line about the branch: flag, refs, summary (git-push(1), "OUTPUT"). */
function parseOutcome(output: string): { flag: string; summary: string } | undefined {
  const [, flag, summary] = /^([ +\-*=!])\t[^\t]*\t(.*)$/m.exec(output) ?? [];
  return flag === undefined || summary === undefined ? undefined : { flag, summary };
}

function refused(branch: string, summary: string): ShadowError {
  const words = summary.slice(0, 500);
  if (summary.startsWith('[rejected]')) {
    return new ShadowError(
      'GIT_CONFLICT',
      `${branch} holds something else there than was expected: ${words}. Fetch it, and push again on top of it.`,
      { details: { branch } },
    );
  }
  return new ShadowError('REPOSITORY_ACCESS_DENIED', `The server refuses the push to ${branch}: ${words}`, {
    details: { branch },
  });
}
