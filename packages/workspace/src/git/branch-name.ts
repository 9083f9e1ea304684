import { ShadowError } from '@shadow/protocol';
import type { GitScope } from './git-scope.ts';
import { runGitAlone } from './run-git.ts';

/** @throws ShadowError VALIDATION_FAILED for a name that git does not allow for a branch */
export async function checkBranchName(
  scope: GitScope,
  branch: string,
  signal: AbortSignal | undefined,
  field = 'branch',
): Promise<void> {
  const args = ['check-ref-format', `refs/heads/${branch}`];
  const { exitCode } = await runGitAlone(scope, { args, signal, accept: [0, 1] });
  if (exitCode === 0 && !branch.startsWith('-')) return;
  const reason = 'is not a name that git allows for a branch';
  throw new ShadowError('VALIDATION_FAILED', `The request is not valid. ${field}: ${reason}`, {
    details: { issues: [{ field, reason }] },
  });
}
