import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, link, lstat, open, rename, unlink } from 'node:fs/promises';
import { ShadowError } from '@shadow/protocol';
import type { RunAs } from '../context.ts';
import { throwIfCancelled } from '../operation.ts';
import { errnoOf, fileError } from '../security/path-errors.ts';
import type { ConfinedPath } from '../security/paths.ts';

export interface ReplaceOptions {
  /** Identity of a new file. */
  owner: RunAs | undefined;
  /** The file as it was when the new content was worked out; undefined: there was none. Mode and owner stay. */
  previous: Stats | undefined;
  /** Fail with FILE_CHANGED when the file is no longer `previous`. */
  mustBeUnchanged: boolean;
  /** Fail with ALREADY_EXISTS when the name is taken at the last moment. */
  exclusive: boolean;
  signal: AbortSignal | undefined;
}

const PREFIX = '.shadow-';
const SUFFIX = '.tmp';

/** Whether a name is that of a file being written: the watcher leaves those out. */
export function isTemporaryName(name: string): boolean {
  return name.startsWith(PREFIX) && name.endsWith(SUFFIX);
}

/**
 * Puts new content in place of a file, whole or not at all: a temporary file beside it, fsync, rename. After any
 * failure the old file is untouched and the temporary one gone.
 *
 * @param place where the file is; its directory exists
 * @param fill writes the content
 * @throws ShadowError DISK_FULL, PERMISSION_DENIED, ALREADY_EXISTS, FILE_CHANGED, CANCELLED
 */
export async function replaceFile(
  place: ConfinedPath,
  fill: (handle: FileHandle) => Promise<void>,
  options: ReplaceOptions,
): Promise<void> {
  const temporary = `${place.directory.path}/${PREFIX}${randomBytes(9).toString('hex')}${SUFFIX}`;
  try {
    await writeTemporary(temporary, fill, options);
    throwIfCancelled(options.signal);
    if (options.mustBeUnchanged) await checkUnchanged(place, options.previous);
    await publish(temporary, place, options.exclusive);
  } catch (thrown) {
    await unlink(temporary).catch(() => {});
    throw fileError(thrown, place.shown);
  }
}

async function writeTemporary(
  temporary: string,
  fill: (handle: FileHandle) => Promise<void>,
  { owner, previous }: ReplaceOptions,
): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
  // Closed to others until it has the mode of the file whose content it may hold.
  const handle = await open(temporary, flags, previous === undefined ? 0o666 : 0o600);
  try {
    await fill(handle);
    await setOwner(handle, owner, previous);
    // As the kernel does it on a write: never carry set-user-id bits over to new content.
    if (previous !== undefined) await handle.chmod(previous.mode & 0o777);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function setOwner(
  handle: FileHandle,
  owner: RunAs | undefined,
  previous: Stats | undefined,
): Promise<void> {
  const wanted = previous ?? owner;
  if (wanted === undefined) return;
  const { uid, gid } = await handle.stat();
  if (uid === wanted.uid && gid === wanted.gid) return;
  try {
    await handle.chown(wanted.uid, wanted.gid);
  } catch (thrown) {
    // Only root gives files away; without root the writer owns what it writes, as with any editor.
    if (errnoOf(thrown) !== 'EPERM' || process.getuid?.() === 0) throw thrown;
  }
}

async function checkUnchanged(place: ConfinedPath, previous: Stats | undefined): Promise<void> {
  const present = await lstat(place.path).catch((thrown) => {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  });
  const same =
    present?.ino === previous?.ino &&
    present?.size === previous?.size &&
    present?.mtimeMs === previous?.mtimeMs;
  if (!same) throw fileChanged(place.shown);
}

async function publish(temporary: string, place: ConfinedPath, exclusive: boolean): Promise<void> {
  if (!exclusive) return rename(temporary, place.path);
  // A link fails where the name is taken; a rename would replace what came in between.
  try {
    await link(temporary, place.path);
  } catch (thrown) {
    if (errnoOf(thrown) !== 'EPERM' && errnoOf(thrown) !== 'ENOTSUP') throw thrown;
    return rename(temporary, place.path);
  }
  await unlink(temporary);
}

/** The refusal of a write to a file that is not the one the caller knew. */
export function fileChanged(shown: string): ShadowError {
  return new ShadowError('FILE_CHANGED', `${shown} has changed since it was read. Read it again.`, {
    details: { path: shown },
  });
}
