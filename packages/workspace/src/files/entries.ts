import { lchown, link, lstat, mkdir, readdir, rename, rmdir, unlink } from 'node:fs/promises';
import {
  type DeleteFileRequest,
  type DeleteFileResult,
  type MakeDirectoryRequest,
  type MakeDirectoryResult,
  type MoveFileRequest,
  type MoveFileResult,
  ShadowError,
  type StatFileRequest,
  type StatFileResult,
} from '@shadow/protocol';
import { throwIfCancelled } from '../operation.ts';
import { errnoOf, fileError } from '../security/path-errors.ts';
import type { ConfinedDirectory, ConfinedPath } from '../security/paths.ts';
import { kindOf } from './list-directory.ts';
import { type FileScope, makingParents } from './scope.ts';
import { statIfPresent } from './write-file.ts';

/**
 * Says what is at a path; a symbolic link is itself.
 *
 * @throws ShadowError FILE_NOT_FOUND
 */
export async function statEntry(scope: FileScope, request: StatFileRequest): Promise<StatFileResult> {
  await using place = await scope.confinement.resolve(request.path, { follow: false });
  const stats = await lstat(place.path).catch((thrown) => {
    throw fileError(thrown, place.shown);
  });
  return {
    path: place.shown,
    kind: kindOf(stats),
    size: stats.size,
    mode: stats.mode & 0o7777,
    modifiedAt: stats.mtime.toISOString(),
  };
}

/**
 * Deletes a file, a symbolic link (never what it points to) or a directory.
 *
 * @throws ShadowError FILE_NOT_FOUND, ALREADY_EXISTS for a directory that is not empty without `recursive`,
 *   PERMISSION_DENIED for the root and for `.git`
 */
export async function deleteEntry(
  scope: FileScope,
  request: DeleteFileRequest,
  signal: AbortSignal | undefined,
): Promise<DeleteFileResult> {
  await using place = await scope.confinement.resolve(request.path, { follow: false, write: true });
  refuseRoot(place, 'deleted');
  try {
    await remove(place, request.recursive === true, signal);
  } catch (thrown) {
    throw fileError(thrown, place.shown);
  }
  return { path: place.shown };
}

async function remove(
  place: ConfinedPath,
  recursive: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  const stats = await lstat(place.path);
  if (!stats.isDirectory()) return unlink(place.path);
  if (recursive) await emptyDirectory(place.directory, place.name, signal);
  await rmdir(place.path);
}

async function emptyDirectory(
  parent: ConfinedDirectory,
  name: string | Buffer,
  signal: AbortSignal | undefined,
): Promise<void> {
  await using directory = await parent.child(name);
  await removeEntries(directory, signal);
}

/**
 * Removes what is in a directory. Depth first by open directories: a name that becomes a link meanwhile is removed as a
 * link, never entered.
 *
 * @param except name of an entry that stays
 */
export async function removeEntries(
  directory: ConfinedDirectory,
  signal: AbortSignal | undefined,
  except?: string,
): Promise<void> {
  // Names as bytes: one that is not UTF-8 could not be addressed as text.
  const found = await readdir(directory.path, { withFileTypes: true, encoding: 'buffer' });
  for (const entry of found) {
    throwIfCancelled(signal);
    if (except !== undefined && entry.name.equals(Buffer.from(except))) continue;
    const path = Buffer.concat([Buffer.from(`${directory.path}/`), entry.name]);
    if (!entry.isDirectory()) {
      await unlink(path);
      continue;
    }
    await emptyDirectory(directory, entry.name, signal);
    await rmdir(path);
  }
}

/**
 * Moves a file, link or directory, making missing parents.
 *
 * @throws ShadowError FILE_NOT_FOUND, ALREADY_EXISTS without `overwrite`, NOT_A_DIRECTORY and NOT_A_FILE when one is a
 *   directory and the other is not
 */
export async function moveEntry(scope: FileScope, request: MoveFileRequest): Promise<MoveFileResult> {
  await using from = await scope.confinement.resolve(request.from, { follow: false, write: true });
  refuseRoot(from, 'moved');
  const source = await lstat(from.path).catch((thrown) => {
    throw fileError(thrown, from.shown);
  });
  await using to = await scope.confinement.resolve(request.to, { follow: false, ...makingParents(scope) });
  refuseRoot(to, 'replaced');
  return await scope.locks.run(to.relative, async () => {
    try {
      if (request.overwrite === true) await rename(from.path, to.path);
      else if (source.isFile()) await moveWithoutReplacing(from, to);
      else await moveToFreeName(from, to);
    } catch (thrown) {
      throw moveError(thrown, to.shown);
    }
    return { from: from.shown, to: to.shown };
  });
}

/** A second name fails where one is taken; a rename would replace it. */
async function moveWithoutReplacing(from: ConfinedPath, to: ConfinedPath): Promise<void> {
  try {
    await link(from.path, to.path);
  } catch (thrown) {
    if (errnoOf(thrown) !== 'EPERM' && errnoOf(thrown) !== 'ENOTSUP') throw thrown;
    return moveToFreeName(from, to);
  }
  await unlink(from.path);
}

async function moveToFreeName(from: ConfinedPath, to: ConfinedPath): Promise<void> {
  if ((await statIfPresent(to)) !== undefined) throw Object.assign(new Error('taken'), { code: 'EEXIST' });
  await rename(from.path, to.path);
}

function moveError(thrown: unknown, shown: string): unknown {
  if (errnoOf(thrown) !== 'EINVAL') return fileError(thrown, shown);
  return new ShadowError('PATH_INVALID', `A directory cannot be moved into itself (${shown}).`, {
    details: { path: shown },
    cause: thrown,
  });
}

/**
 * Makes a directory and its missing parents; one that is there already is a success.
 *
 * @throws ShadowError ALREADY_EXISTS when something else has the name
 */
export async function makeDirectory(
  scope: FileScope,
  request: MakeDirectoryRequest,
): Promise<MakeDirectoryResult> {
  await using place = await scope.confinement.resolve(request.path, makingParents(scope));
  if (place.name === '') return { path: place.shown, created: false };
  try {
    await mkdir(place.path);
    if (scope.runAs !== undefined) await lchown(place.path, scope.runAs.uid, scope.runAs.gid);
    return { path: place.shown, created: true };
  } catch (thrown) {
    if (errnoOf(thrown) === 'EEXIST' && (await statIfPresent(place))?.isDirectory()) {
      return { path: place.shown, created: false };
    }
    throw fileError(thrown, place.shown);
  }
}

function refuseRoot(place: ConfinedPath, what: string): void {
  if (place.name !== '') return;
  throw new ShadowError('PERMISSION_DENIED', `The workspace's root cannot be ${what}.`);
}
