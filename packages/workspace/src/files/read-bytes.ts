import { createHash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { ShadowError } from '@shadow/protocol';
import type { RunAs } from '../context.ts';
import { throwIfCancelled } from '../operation.ts';
import { fileError } from '../security/path-errors.ts';
import type { ConfinedPath } from '../security/paths.ts';

/** Files beyond this are not read as text; `downloadFile` streams them. */
export const MAX_TEXT_BYTES = 50 * 1024 * 1024;

/** A file as it was at one moment. */
export interface FileBytes {
  readonly bytes: Buffer;
  readonly stats: Stats;
  /** SHA-256 in hex. */
  readonly hash: string;
}

/**
 * Opens a regular file for reading, never through a symbolic link and never waiting for a FIFO's other end.
 *
 * @param place where the file is
 * @param runAs identity whose rights count, when the server has more
 * @throws ShadowError FILE_NOT_FOUND, NOT_A_FILE, PERMISSION_DENIED
 */
export async function openForReading(
  place: ConfinedPath,
  runAs: RunAs | undefined,
): Promise<{ handle: FileHandle; stats: Stats }> {
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const handle = await open(place.path, flags).catch((thrown) => {
    throw fileError(thrown, place.shown);
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw notAFile(place.shown, stats);
    if (runAs !== undefined && !mayRead(stats, runAs)) throw denied(place.shown);
    return { handle, stats };
  } catch (thrown) {
    await handle.close();
    throw fileError(thrown, place.shown);
  }
}

/**
 * Reads a whole regular file of at most MAX_TEXT_BYTES.
 *
 * @throws ShadowError also FILE_TOO_LARGE
 */
export async function readBytes(
  place: ConfinedPath,
  runAs: RunAs | undefined,
  signal: AbortSignal | undefined,
): Promise<FileBytes> {
  const { handle, stats } = await openForReading(place, runAs);
  try {
    if (stats.size > MAX_TEXT_BYTES) throw tooLarge(place.shown, stats.size);
    const bytes = await handle.readFile(signal === undefined ? {} : { signal });
    throwIfCancelled(signal);
    return { bytes, stats, hash: createHash('sha256').update(bytes).digest('hex') };
  } catch (thrown) {
    throw fileError(thrown, place.shown);
  } finally {
    await handle.close();
  }
}

/** The same, or undefined where there is no such file. */
export async function readBytesIfPresent(
  place: ConfinedPath,
  runAs: RunAs | undefined,
  signal: AbortSignal | undefined,
): Promise<FileBytes | undefined> {
  try {
    return await readBytes(place, runAs, signal);
  } catch (thrown) {
    if (thrown instanceof ShadowError && thrown.code === 'FILE_NOT_FOUND') return undefined;
    throw thrown;
  }
}

/** The refusal of a file that is too large to be handled as text. */
export function tooLarge(shown: string, size: number): ShadowError {
  return new ShadowError(
    'FILE_TOO_LARGE',
    `${shown} has ${size} bytes; text files are read up to ${MAX_TEXT_BYTES}. Download it instead.`,
    { details: { path: shown, size, limit: MAX_TEXT_BYTES } },
  );
}

/** The refusal of a file that is no text. */
export function isBinary(shown: string, size: number): ShadowError {
  return new ShadowError(
    'FILE_IS_BINARY',
    `${shown} is a binary file of ${size} bytes; download it instead.`,
    {
      details: { path: shown, size },
    },
  );
}

function notAFile(shown: string, stats: Stats): ShadowError {
  const what = stats.isDirectory() ? 'a directory' : 'not a regular file';
  return new ShadowError('NOT_A_FILE', `${shown === '' ? '.' : shown} is ${what}.`, {
    details: { path: shown },
  });
}

/**
 * Whether the mode bits let an identity read. A server that runs as root must not lend its rights to whoever
 * can put a hard link to a foreign file into the workspace.
 */
function mayRead(stats: Stats, runAs: RunAs): boolean {
  if (stats.uid === runAs.uid) return (stats.mode & 0o400) !== 0;
  if (stats.gid === runAs.gid) return (stats.mode & 0o040) !== 0;
  return (stats.mode & 0o004) !== 0;
}

function denied(shown: string): ShadowError {
  return new ShadowError('PERMISSION_DENIED', `Permission to read ${shown} was refused by its mode.`, {
    details: { path: shown },
  });
}
