import { pickBase } from './mirror-cache.ts';
import type { RemoteRefs } from './remote-refs.ts';

/** What a branch is wanted for. */
export interface StartRequest {
  /** The branch to start from; default the repository's own. */
  baseBranch: string | undefined;
  /** The task's branch. */
  branch: string;
  /** The base of an earlier workspace of the task. */
  earlier?: { baseBranch: string; baseCommit: string } | undefined;
}

/** Where a task's branch is to begin. */
export interface PickedStart {
  from: 'base' | 'pushed';
  /** The branch of the repository that holds the commit. */
  branch: string;
  commit: string;
  /** What the task's work is compared with. */
  base: { baseBranch: string; baseCommit: string };
}

/**
 * Picks where a task's branch begins: at its base, or, if it had a workspace that is lost, where it was pushed to from there.
 * @throws ShadowError BRANCH_NOT_FOUND naming branches that exist
 */
export function pickStart(
  refs: RemoteRefs,
  { baseBranch, branch, earlier }: StartRequest,
  name: string,
): PickedStart {
  const pushed = earlier === undefined ? undefined : refs.branches.get(branch);
  if (earlier !== undefined && pushed !== undefined) {
    return { from: 'pushed', branch, commit: pushed, base: earlier };
  }
  const picked = pickBase(refs, baseBranch, name);
  return { from: 'base', ...picked, base: { baseBranch: picked.branch, baseCommit: picked.commit } };
}

/**
 * The base of a workspace that was kept. One that began where its branch was pushed to has written that down as its base.
 * @param recorded what the workspace itself says
 */
export function baseOfKept(
  recorded: { baseBranch: string; baseCommit: string },
  { branch, earlier }: StartRequest,
): { baseBranch: string; baseCommit: string } {
  const { baseBranch, baseCommit } =
    recorded.baseBranch === branch && earlier !== undefined ? earlier : recorded;
  return { baseBranch, baseCommit };
}
