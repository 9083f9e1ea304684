import { lchown, mkdir, readdir, rmdir, unlink, writeFile } from 'node:fs/promises';
import { ShadowError } from '@shadow/protocol';
import { removeEntries } from '../files/entries.ts';
import { errnoOf } from '../security/path-errors.ts';
import type { ConfinedDirectory } from '../security/paths.ts';
import type { GitScope } from './git-scope.ts';

/** A file in `.git` as long as a clone is under way; a clone that finds it, or an empty `.git`, begins anew. */
const MARK = 'shadow-clone';

/**
 * Makes the workspace's root ready to be cloned into, and marks that it is. What a clone that was cut off left goes.
 *
 * @throws ShadowError ALREADY_EXISTS when there is anything else
 */
export async function claimPlace(scope: GitScope, signal: AbortSignal | undefined): Promise<void> {
  await using root = await scope.confinement.openDirectory('.');
  const names = await readdir(root.path);
  if (names.includes('.git')) {
    await using git = await openGit(root);
    const inside = await readdir(git.path);
    if (inside.length > 0 && !inside.includes(MARK)) {
      throw taken('The workspace holds a repository already that was not made from this one.');
    }
    await clear(root, git, signal);
  } else if (names.length > 0) {
    throw taken('The workspace is not empty, so nothing can be cloned into it.');
  }
  await mark(scope, root);
}

/** Removes a clone that failed, all of it. */
export async function abandonPlace(scope: GitScope): Promise<void> {
  await using root = await scope.confinement.openDirectory('.');
  await using git = await openGit(root);
  await clear(root, git, undefined);
}

/** Takes the mark away: the clone is finished. */
export async function finishPlace(scope: GitScope): Promise<void> {
  await using root = await scope.confinement.openDirectory('.');
  await using git = await openGit(root);
  await unlink(`${git.path}/${MARK}`).catch(unlessMissing);
}

/** After all of the history was fetched: git takes away what it knew of its end, but through our link only the link. */
export async function forgetShallow(scope: GitScope): Promise<void> {
  await using root = await scope.confinement.openDirectory('.');
  await using git = await openGit(root);
  await unlink(`${git.path}/shallow`).catch(unlessMissing);
  await scope.privateDirectory[Symbol.asyncDispose]();
}

async function mark({ runAs }: GitScope, root: ConfinedDirectory): Promise<void> {
  await mkdir(`${root.path}/.git`, { mode: 0o755 });
  if (runAs !== undefined) await lchown(`${root.path}/.git`, runAs.uid, runAs.gid);
  await using git = await openGit(root);
  await writeFile(`${git.path}/${MARK}`, '', { flag: 'wx' });
}

/** The mark goes last: cut off at any moment, what is left is still known for what it is. */
async function clear(
  root: ConfinedDirectory,
  git: ConfinedDirectory,
  signal: AbortSignal | undefined,
): Promise<void> {
  await removeEntries(root, signal, '.git');
  await removeEntries(git, signal, MARK);
  await unlink(`${git.path}/${MARK}`).catch(unlessMissing);
  await rmdir(`${root.path}/.git`);
}

function openGit(root: ConfinedDirectory): Promise<ConfinedDirectory> {
  return root.child('.git').catch((cause) => {
    throw new ShadowError('ALREADY_EXISTS', 'The workspace holds a .git that is no directory.', { cause });
  });
}

function unlessMissing(thrown: unknown): void {
  if (errnoOf(thrown) !== 'ENOENT') throw thrown;
}

function taken(message: string): ShadowError {
  return new ShadowError('ALREADY_EXISTS', message);
}
