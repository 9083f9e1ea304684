import { join } from 'node:path';
import { type GitCloneResult, ShadowError } from '@shadow/protocol';
import { abandonPlace, claimPlace, finishPlace } from './clone-place.ts';
import type { FinishedClone } from './config.ts';
import type { GitScope } from './git-scope.ts';
import { findCommit, noRevision, resolveCommit } from './revisions.ts';
import { initGit, repositorySettings, runGit, runGitAlone } from './run-git.ts';

/** Where the branches of origin are kept. */
export const TRACKED = 'refs/remotes/origin/';

/** Parallel checkout pays from about a hundred files on. */
const CHECKOUT = ['-c', 'checkout.workers=4', '-c', 'checkout.thresholdForParallelism=100'];

/** What a clone is to be. */
export interface ClonePlan {
  readonly origin: string;
  readonly branch: string;
  readonly signal: AbortSignal | undefined;
}

/** What its objects are to be found under. */
export interface CloneStart {
  readonly base: string;
  readonly commit: string | undefined;
  /** What `git fetch` brings from then on. */
  readonly refspec: string;
}

/**
 * Brings a clone about, or says what the finished one there was made from. Cut off at any moment, the next try makes it
 * whole: what is half there is removed first, and what says that it is whole is written last.
 *
 * @param fill brings objects and the branches of origin into a repository without any; makes it by `initRepository`
 * @throws ShadowError ALREADY_EXISTS when the workspace holds anything else, BRANCH_NOT_FOUND, and what `fill` throws
 */
export async function convergingClone(
  scope: GitScope,
  plan: ClonePlan,
  fill: () => Promise<CloneStart>,
): Promise<GitCloneResult> {
  const finished = await finishedClone(scope, plan);
  if (finished !== undefined) return { ...finished, branch: plan.branch };
  await claimPlace(scope, plan.signal);
  try {
    const start = await fill();
    const baseCommit = await startOf(scope, start, plan.signal);
    await checkOut(scope, plan, baseCommit);
    await record(scope, plan, start, baseCommit);
    await finishPlace(scope);
    return { baseBranch: start.base, baseCommit, branch: plan.branch };
  } catch (error) {
    // Should that fail too, the mark is still there for the next try.
    await abandonPlace(scope).catch(() => {});
    throw error;
  }
}

async function finishedClone(
  scope: GitScope,
  { origin, branch, signal }: ClonePlan,
): Promise<Omit<FinishedClone, 'branch'> | undefined> {
  const settings = await repositorySettings(scope, signal).catch((error) => {
    if (error instanceof ShadowError && error.code === 'REPOSITORY_NOT_FOUND') return undefined;
    throw error;
  });
  if (settings?.clone === undefined) return undefined;
  const { baseBranch, baseCommit, branch: made = branch } = settings.clone;
  const isThere = (await findCommit(scope, `refs/heads/${branch}`, signal)) !== undefined;
  if (settings.originUrl === origin && made === branch && isThere) return { baseBranch, baseCommit };
  throw new ShadowError(
    'ALREADY_EXISTS',
    'The workspace holds a clone already, of another repository or with another branch.',
  );
}

/** Makes the repository, without a commit. @param idLength characters of its commits' ids: 64 where they are SHA-256 */
export async function initRepository(
  scope: GitScope,
  { branch, signal }: ClonePlan,
  idLength: number,
): Promise<void> {
  const format = idLength === 64 ? ['--object-format=sha256'] : [];
  const args = ['init', '--quiet', '--template=', `--initial-branch=${branch}`, ...format, scope.root];
  await initGit(scope, { args, signal });
}

/** @throws ShadowError BRANCH_NOT_FOUND for a base that is not there, or a commit that it does not reach */
async function startOf(
  scope: GitScope,
  { base, commit }: CloneStart,
  signal: AbortSignal | undefined,
): Promise<string> {
  const tip = await findCommit(scope, `${TRACKED}${base}`, signal);
  if (tip === undefined) throw noRevision(base);
  if (commit === undefined || commit === tip) return tip;
  const args = ['merge-base', '--is-ancestor', commit, tip];
  const { exitCode } = await runGit(scope, { args, signal, accept: [0, 1, 128] });
  if (exitCode !== 0) throw noRevision(commit);
  return await resolveCommit(scope, commit, signal);
}

async function checkOut(scope: GitScope, { branch, signal }: ClonePlan, commit: string): Promise<void> {
  const options = ['--quiet', '--no-guess', '--no-recurse-submodules', '--no-track'];
  const args = [...CHECKOUT, 'switch', ...options, '--force-create', branch, commit];
  await runGit(scope, { args, signal });
}

async function record(
  scope: GitScope,
  { origin, branch, signal }: ClonePlan,
  { base, refspec }: CloneStart,
  baseCommit: string,
): Promise<void> {
  const values = [
    ['remote.origin.url', origin],
    ['remote.origin.fetch', refspec],
    ['shadow.branch', branch],
    ['shadow.base', `${baseCommit} ${base}`],
  ] as const;
  const file = join(scope.root, '.git', 'config');
  for (const [key, value] of values)
    await runGitAlone(scope, { args: ['config', '--file', file, key, value], signal });
}
