import { type GitCloneResult, type GitRestoreRequest, ShadowError } from '@shadow/protocol';
import { checkBranchName } from './branch-name.ts';
import { readBundleHeader } from './bundle-header.ts';
import { convergingClone, initRepository, TRACKED } from './finish-clone.ts';
import type { GitScope } from './git-scope.ts';
import { runGit } from './run-git.ts';

const HEADS = 'refs/heads/';

/**
 * Makes the repository from a bundle, which goes into it as it comes: nothing is written twice, nothing piles up.
 *
 * @throws ShadowError as cloning does; VALIDATION_FAILED for what is no bundle; what the stream throws
 */
export async function restoreRepository(
  scope: GitScope,
  request: GitRestoreRequest,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<GitCloneResult> {
  const { branch, base, commit, originUrl } = request;
  await checkBranchName(scope, branch, signal);
  const plan = { origin: originUrl, branch, signal };
  return await convergingClone(scope, plan, async () => {
    const { header, pack } = await readBundleHeader(content);
    await initRepository(scope, plan, header.idLength);
    await storePack(scope, pack, signal);
    const heads = [...header.refs].filter(([name]) => name.startsWith(HEADS));
    const commands = heads.map(([name, id]) => `create ${TRACKED}${name.slice(HEADS.length)}\0${id}\0`);
    // A name that git refuses fails here: the bundle's refs are nobody's to trust.
    await runGit(scope, { args: ['update-ref', '-z', '--stdin'], input: commands.join(''), signal });
    return { base, commit, refspec: `+refs/heads/*:${TRACKED}*` };
  });
}

async function storePack(
  scope: GitScope,
  pack: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<void> {
  let failure: unknown;
  const watched = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* pack;
    } catch (error) {
      failure = error;
      throw error;
    }
  };
  try {
    await runGit(scope, { args: ['index-pack', '--stdin', '--threads=2'], input: watched(), signal });
  } catch (error) {
    if (failure instanceof ShadowError) throw failure;
    throw error;
  }
}
