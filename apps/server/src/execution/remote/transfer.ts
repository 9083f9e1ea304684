import { Readable } from 'node:stream';
import {
  type CallOptions,
  type DownloadFileRequest,
  FILE_PATH_HEADER,
  FILE_SIZE_HEADER,
  type FileDownload,
  failure,
  type Result,
  ShadowError,
  sidecarEndpoints,
  toShadowError,
  type UploadFileRequest,
  type UploadFileResult,
} from '@shadow/protocol';
import * as z from 'zod';
import type { OpenStream, SidecarClient } from './sidecar-client.ts';

/** Bytes of an upload held for another try; a larger one has only its first. */
const MAX_HELD_BYTES = 8 * 1024 * 1024;

/** Sends a file. */
export async function uploadFile(
  client: SidecarClient,
  request: UploadFileRequest,
  content: AsyncIterable<Uint8Array>,
  { signal, idempotencyKey }: CallOptions,
): Promise<Result<UploadFileResult>> {
  const source = new ReplaySource(content);
  const { path, overwrite } = request;
  const uploaded = await client.upload(
    sidecarEndpoints.uploadFile,
    { query: { path, overwrite }, signal, idempotencyKey },
    () => source.open(),
  );
  if (source.error === undefined) return uploaded;
  return { success: false, error: toShadowError(source.error).toOperationError() };
}

/** Bytes that can be sent again as long as they are few enough to hold. */
export class ReplaySource {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #isEnded = false;
  #pulling: Promise<Uint8Array | undefined> | undefined;
  /** What the caller's own stream threw. */
  error: unknown;

  constructor(content: AsyncIterable<Uint8Array>) {
    this.#iterator = content[Symbol.asyncIterator]();
  }

  /** All of the bytes from the first one; undefined when some are gone. */
  open(): Readable | undefined {
    if (this.#heldBytes > MAX_HELD_BYTES || this.error !== undefined) return undefined;
    return Readable.from(this.#bytes(), { objectMode: false });
  }

  async *#bytes(): AsyncGenerator<Uint8Array> {
    // What an earlier try was still waiting for belongs to this one: in its place, not lost.
    await this.#pulling?.catch(() => {});
    if (this.#heldBytes > MAX_HELD_BYTES) throw interrupted(undefined);
    yield* this.#held.slice();
    while (!this.#isEnded) {
      this.#pulling = this.#next();
      const chunk = await this.#pulling;
      if (chunk === undefined) return;
      yield chunk;
    }
  }

  async #next(): Promise<Uint8Array | undefined> {
    try {
      const { done, value } = await this.#iterator.next();
      this.#isEnded = done === true;
      if (done === true) return undefined;
      this.#heldBytes += value.byteLength;
      if (this.#heldBytes <= MAX_HELD_BYTES) this.#held.push(value);
      else this.#held = [];
      return value;
    } catch (error) {
      this.error = error;
      throw error;
    }
  }
}

const DownloadHeaders = z.object({
  [FILE_SIZE_HEADER]: z.coerce.number().pipe(z.int().min(0)),
  [FILE_PATH_HEADER]: z.string().transform(decodeURIComponent),
  'content-length': z.coerce.number().pipe(z.int().min(0)),
});

/** Fetches a file; its content is streamed. */
export async function downloadFile(
  client: SidecarClient,
  { path, offset, length }: DownloadFileRequest,
  { signal }: CallOptions,
): Promise<Result<FileDownload>> {
  const query = { path, offset, length };
  const opened = await client.open(sidecarEndpoints.downloadFile, { query, signal });
  if (!opened.success) return opened;
  const headers = DownloadHeaders.safeParse(opened.headers);
  if (!headers.success) {
    opened.body.destroy();
    return failure('INTERNAL', 'The sidecar’s answer to downloadFile is not of the expected form.');
  }
  const { [FILE_SIZE_HEADER]: size, [FILE_PATH_HEADER]: shown, 'content-length': promised } = headers.data;
  return { success: true, path: shown, size, content: contentOf(opened, promised, signal) };
}

/** @param promised bytes that there must be; undefined where only the end of the answer tells */
export async function* contentOf(
  { body }: OpenStream,
  promised: number | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let received = 0;
  try {
    for await (const chunk of body) {
      received += chunk.length;
      yield chunk;
    }
  } catch (cause) {
    if (signal?.aborted === true) throw new ShadowError('CANCELLED', 'The call was cancelled.');
    throw interrupted(cause);
  } finally {
    body.destroy();
  }
  if (promised !== undefined && received !== promised) throw interrupted(undefined);
}

function interrupted(cause: unknown): ShadowError {
  return new ShadowError('STREAM_INTERRUPTED', 'The download was cut before its end.', { cause });
}
