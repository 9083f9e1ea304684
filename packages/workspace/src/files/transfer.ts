import type { FileHandle } from 'node:fs/promises';
import {
  type DownloadFileRequest,
  type FileDownload,
  ShadowError,
  toShadowError,
  type UploadFileRequest,
  type UploadFileResult,
} from '@shadow/protocol';
import { throwIfCancelled } from '../operation.ts';
import { fileError } from '../security/path-errors.ts';
import { openForReading } from './read-bytes.ts';
import { replaceFile } from './replace-file.ts';
import { type FileScope, makingParents } from './scope.ts';
import { notAFile, statIfPresent } from './write-file.ts';

const CHUNK_BYTES = 256 * 1024;

/**
 * Writes a stream of bytes as a file, whole or not at all.
 *
 * @throws ShadowError ALREADY_EXISTS without `overwrite`, NOT_A_FILE, DISK_FULL, CANCELLED, and what the stream throws
 */
export async function uploadBytes(
  scope: FileScope,
  request: UploadFileRequest,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<UploadFileResult> {
  await using place = await scope.confinement.resolve(request.path, makingParents(scope));
  return await scope.locks.run(place.relative, async () => {
    const previous = await statIfPresent(place);
    if (previous !== undefined && !previous.isFile()) throw notAFile(place.shown);
    if (previous !== undefined && request.overwrite !== true) {
      throw fileError(Object.assign(new Error('taken'), { code: 'EEXIST' }), place.shown);
    }
    let size = 0;
    const fill = async (handle: FileHandle): Promise<void> => {
      for await (const chunk of content) {
        throwIfCancelled(signal);
        await handle.writeFile(chunk);
        size += chunk.byteLength;
      }
    };
    const exclusive = request.overwrite !== true;
    await replaceFile(place, fill, {
      owner: scope.runAs,
      previous,
      mustBeUnchanged: false,
      exclusive,
      signal,
    });
    return { path: place.shown, size, created: previous === undefined };
  });
}

/**
 * Opens a file and streams its bytes, or a range of them. The file is closed when the stream ends, is left early or the
 * signal aborts; a caller that never starts to read must abort.
 *
 * @throws ShadowError FILE_NOT_FOUND, NOT_A_FILE; the stream throws CANCELLED and read errors
 */
export async function downloadBytes(
  scope: FileScope,
  request: DownloadFileRequest,
  signal: AbortSignal | undefined,
): Promise<FileDownload> {
  await using place = await scope.confinement.resolve(request.path);
  const { handle, stats } = await openForReading(place, scope.runAs);
  const start = request.offset ?? 0;
  const end = Math.min(stats.size, start + (request.length ?? stats.size));
  const content = readRange(handle, place.shown, start, end, signal);
  return { path: place.shown, size: stats.size, content: closedOnAbort(content, handle, signal) };
}

/** A stream that nobody has begun to read has no `finally` that would close its file. */
function closedOnAbort(
  content: AsyncGenerator<Uint8Array, void, undefined>,
  handle: FileHandle,
  signal: AbortSignal | undefined,
): AsyncIterable<Uint8Array> {
  let begun = false;
  const onAbort = (): void => {
    if (!begun) handle.close().catch(() => {});
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  return {
    [Symbol.asyncIterator]() {
      begun = true;
      signal?.removeEventListener('abort', onAbort);
      return content;
    },
  };
}

async function* readRange(
  handle: FileHandle,
  shown: string,
  start: number,
  end: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (let position = start; position < end; ) {
      throwIfCancelled(signal);
      const wanted = Math.min(CHUNK_BYTES, end - position);
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(wanted), 0, wanted, position);
      if (bytesRead === 0) throw shrunk(shown);
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (thrown) {
    throw toShadowError(fileError(thrown, shown));
  } finally {
    await handle.close();
  }
}

function shrunk(shown: string): ShadowError {
  return new ShadowError('FILE_CHANGED', `${shown} became shorter while it was being read.`, {
    details: { path: shown },
  });
}
