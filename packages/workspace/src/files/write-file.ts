import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { ShadowError, type WriteFileRequest, type WriteFileResult } from '@shadow/protocol';
import { errnoOf, fileError } from '../security/path-errors.ts';
import type { ConfinedPath } from '../security/paths.ts';
import { countLineChanges, dominantLineEnd, withLineEnd } from './lines.ts';
import { type FileBytes, MAX_TEXT_BYTES, readBytesIfPresent } from './read-bytes.ts';
import { fileChanged, replaceFile } from './replace-file.ts';
import { type FileScope, makingParents } from './scope.ts';
import { type DecodedText, decodeText, encodeText } from './text.ts';

/**
 * Writes a text file whole. A present file keeps its mode, owner, encoding, byte order mark and, unless the content
 * brings CRLF of its own, its line ends.
 *
 * @throws ShadowError FILE_CHANGED, NOT_A_FILE, PERMISSION_DENIED, DISK_FULL
 */
export async function writeTextFile(
  scope: FileScope,
  request: WriteFileRequest,
  signal: AbortSignal | undefined,
): Promise<WriteFileResult> {
  await using place = await scope.confinement.resolve(request.path, makingParents(scope));
  return await scope.locks.run(place.relative, async () => {
    const present = await lookAt(scope, place, request.expectedHash, signal);
    const shape = present?.text ?? { text: '', encoding: 'utf8', bom: false };
    const { bytes, ...changes } = newContent(request.content, shape);
    await replaceFile(place, (handle) => handle.writeFile(bytes), {
      owner: scope.runAs,
      previous: present?.stats,
      mustBeUnchanged: request.expectedHash !== undefined && request.expectedHash !== '',
      exclusive: request.expectedHash === '',
      signal,
    });
    return { path: place.shown, created: present === undefined, size: bytes.length, ...changes };
  });
}

/**
 * Content the way the present file has its text.
 *
 * @param shape the present text; one without text, in UTF-8, where there is none
 */
export function newContent(
  content: string,
  shape: DecodedText,
): { bytes: Buffer; additions: number; deletions: number } {
  const text = keepLineEnds(content, shape);
  return { bytes: encodeText(text, shape), ...countLineChanges(shape.text, text) };
}

interface PresentFile {
  stats: Stats;
  /** Absent for a binary file and for one too large to be compared. */
  text: DecodedText | undefined;
}

async function lookAt(
  scope: FileScope,
  place: ConfinedPath,
  expectedHash: string | undefined,
  signal: AbortSignal | undefined,
): Promise<PresentFile | undefined> {
  const stats = await statIfPresent(place);
  if (expectedHash === '' && stats !== undefined) throw fileChanged(place.shown);
  if (stats !== undefined && !stats.isFile()) throw notAFile(place.shown);
  if (stats !== undefined && stats.size > MAX_TEXT_BYTES && expectedHash === undefined)
    return { stats, text: undefined };
  const file: FileBytes | undefined = await readBytesIfPresent(place, scope.runAs, signal);
  if (expectedHash !== undefined && (file?.hash ?? '') !== expectedHash) throw fileChanged(place.shown);
  return file === undefined ? undefined : { stats: file.stats, text: decodeText(file.bytes) };
}

/** What is at a place itself, links not followed; undefined when nothing is. */
export async function statIfPresent(place: ConfinedPath): Promise<Stats | undefined> {
  try {
    return await lstat(place.path);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw fileError(thrown, place.shown);
  }
}

/** The refusal of a place that holds something else than a regular file. */
export function notAFile(shown: string): ShadowError {
  return new ShadowError('NOT_A_FILE', `${shown === '' ? '.' : shown} is there, but it is not a file.`, {
    details: { path: shown },
  });
}

function keepLineEnds(content: string, present: DecodedText): string {
  if (content.includes('\r\n') || dominantLineEnd(present.text) !== '\r\n') return content;
  return withLineEnd(content, '\r\n');
}
