import { type GitCloneRequest, type GitCloneResult, ShadowError } from '@shadow/protocol';
import { checkBranchName } from './branch-name.ts';
import { forgetShallow } from './clone-place.ts';
import { type CloneStart, convergingClone, initRepository, TRACKED } from './finish-clone.ts';
import type { Network } from './git-environment.ts';
import type { GitScope } from './git-scope.ts';
import { findCommit, noRevision } from './revisions.ts';
import { runGit, runGitAlone } from './run-git.ts';
import { networkTo, transportFailure } from './transport.ts';

export interface CloneOptions {
  signal: AbortSignal | undefined;
  onProgress: ((line: string) => void) | undefined;
}

const EVERY_BRANCH = `+refs/heads/*:${TRACKED}*`;

/**
 * Clones into the workspace, which must be empty or hold a clone that was cut off; a finished one of the same origin and
 * branch is left as it is.
 *
 * @throws ShadowError ALREADY_EXISTS, VALIDATION_FAILED, FORBIDDEN for the machine's disk, REPOSITORY_ACCESS_DENIED,
 *   REPOSITORY_NOT_FOUND, REPOSITORY_UNREACHABLE, BRANCH_NOT_FOUND (an empty repository too)
 */
export async function cloneRepository(
  scope: GitScope,
  request: GitCloneRequest,
  { signal, onProgress }: CloneOptions,
): Promise<GitCloneResult> {
  const { url, branch, originUrl = url } = request;
  await checkBranchName(scope, branch, signal);
  return await convergingClone(scope, { origin: originUrl, branch, signal }, async () => {
    const network = networkTo(scope, url, request.credential);
    const known = await knownStart(scope, request, network, signal);
    await initRepository(scope, { origin: originUrl, branch, signal }, known.idLength);
    return await fetchAll(scope, { ...request, base: known.base }, network, { signal, onProgress });
  });
}

/** What the repository has to be asked for first: the name of its default branch, and what is needed for a part of it. */
async function knownStart(
  scope: GitScope,
  { base, commit, depth }: GitCloneRequest,
  network: Network,
  signal: AbortSignal | undefined,
): Promise<{ base: string; idLength: number }> {
  if (base !== undefined && commit !== undefined && depth === undefined)
    return { base, idLength: commit.length };
  const args = ['ls-remote', '--symref', '--', network.url, 'HEAD', 'refs/heads/*'];
  const output = await runGitAlone(scope, { args, network, signal, accept: [0, 128] });
  if (output.exitCode !== 0) throw transportFailure(network, 'ls-remote', output);
  const { head, branches, idLength } = parseRefs(output.stdout.toString('utf8'));
  if (branches.size === 0) throw emptyRepository();
  const wanted = base ?? head;
  if (wanted === undefined || !branches.has(wanted)) throw noRevision(wanted ?? 'HEAD');
  return { base: wanted, idLength };
}

/** Lines of `git ls-remote --symref`. */
function parseRefs(listing: string): { head: string | undefined; branches: Set<string>; idLength: number } {
  const head = /^ref: refs\/heads\/(.+)\tHEAD$/m.exec(listing)?.[1];
  const heads = [...listing.matchAll(/^([0-9a-f]+)\trefs\/heads\/(.+)$/gm)];
  const branches = new Set(heads.map(([, , name]) => name ?? ''));
  return { head, branches, idLength: heads[0]?.[1]?.length ?? 40 };
}

async function fetchAll(
  scope: GitScope,
  { commit, depth, base }: GitCloneRequest & { base: string },
  network: Network,
  { signal, onProgress }: CloneOptions,
): Promise<CloneStart> {
  const refspec = depth === undefined ? EVERY_BRANCH : `+refs/heads/${base}:${TRACKED}${base}`;
  const fetch = async (...options: string[]): Promise<void> => {
    const args = [
      '-c',
      'core.logAllRefUpdates=false',
      'fetch',
      '--progress',
      '--no-tags',
      '--no-write-fetch-head',
      '--no-auto-maintenance',
      '--no-recurse-submodules',
      ...options,
      '--',
      network.url,
      refspec,
    ];
    const output = await runGit(scope, { args, network, signal, onProgress, accept: [0, 1, 128] });
    if (output.exitCode !== 0) throw transportFailure(network, 'fetch', output);
  };
  await fetch(...(depth === undefined ? [] : [`--depth=${depth}`]));
  // The start lies further back than was asked for: then all of it is needed.
  const isCut = depth !== undefined && commit !== undefined;
  if (isCut && (await findCommit(scope, commit, signal)) === undefined) {
    await fetch('--unshallow');
    await forgetShallow(scope);
  }
  return { base, commit, refspec };
}

function emptyRepository(): ShadowError {
  return new ShadowError(
    'BRANCH_NOT_FOUND',
    'The repository has no commits yet. Commit something there first.',
  );
}
