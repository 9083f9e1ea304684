import type { GitBundle, GitBundleRequest } from '@shadow/protocol';
import type { GitScope } from './git-scope.ts';
import { findCommit, resolveCommit } from './revisions.ts';
import { gitBytes, gitText } from './run-git.ts';

/**
 * Bundles HEAD and the branches, without what a commit reaches. Git runs while the content is read, and not before.
 *
 * @throws ShadowError BRANCH_NOT_FOUND when the commit is not there
 */
export async function bundleWork(
  scope: GitScope,
  request: GitBundleRequest,
  signal: AbortSignal | undefined,
): Promise<GitBundle> {
  const since = await resolveCommit(scope, request.since, signal);
  const hasHead = (await findCommit(scope, 'HEAD', signal)) !== undefined;
  const wanted = [...(hasHead ? ['HEAD'] : []), '--branches', '--not', since];
  const counted = await gitText(scope, { args: ['rev-list', '--count', ...wanted], signal });
  const commits = Number(counted.trim());
  if (commits === 0) return { commits, content: nothing() };
  const args = ['bundle', 'create', '--quiet', '-', ...wanted];
  return { commits, content: gitBytes(scope, { args, signal }) };
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {
  // No commits, no bytes.
}
