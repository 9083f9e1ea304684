import { randomUUID } from 'node:crypto';
import {
  type CallOptions,
  failure,
  GIT_COMMITS_HEADER,
  type GitBundle,
  type GitBundleRequest,
  GitCloneEvent,
  type GitCloneRequest,
  type GitCloneResult,
  type GitRestoreRequest,
  type ProgressOptions,
  type Result,
  ShadowError,
  sidecarEndpoints,
  toShadowError,
} from '@shadow/protocol';
import * as z from 'zod';
import { livingChunks } from './living-stream.ts';
import { CutBudget } from './output.ts';
import { serverSentEvents } from './server-sent-events.ts';
import type { SidecarClient } from './sidecar-client.ts';
import { contentOf, ReplaySource } from './transfer.ts';

/** Milliseconds for a repository to be sent and unpacked. */
const RESTORE_MS = 3_600_000;

/** Clones in the workspace; cut off, it is asked for again, and begins anew there. */
export async function gitClone(
  client: SidecarClient,
  body: GitCloneRequest,
  { onProgress, ...options }: ProgressOptions,
): Promise<Result<GitCloneResult>> {
  const budget = new CutBudget(client, options.signal);
  // One key for all tries: should the answer of one that ended well be lost, it is given again.
  const idempotencyKey = options.idempotencyKey ?? randomUUID();
  for (;;) {
    try {
      return await cloneOnce(client, body, {
        ...options,
        idempotencyKey,
        onProgress: (text) => onProgress?.(text),
      });
    } catch (error) {
      const verdict = await budget.afterCut(toShadowError(error));
      if (verdict !== undefined) return { success: false, error: verdict.toOperationError() };
    }
  }
}

/** @throws ShadowError UNAVAILABLE when the stream was cut before its last event */
async function cloneOnce(
  client: SidecarClient,
  body: GitCloneRequest,
  { signal, idempotencyKey, onProgress }: ProgressOptions,
): Promise<Result<GitCloneResult>> {
  const opened = await client.open(sidecarEndpoints.gitClone, { body, signal, idempotencyKey });
  if (!opened.success) return opened;
  for await (const { data } of serverSentEvents(livingChunks(opened.body))) {
    const event = GitCloneEvent.parse(JSON.parse(data));
    if (event.type === 'progress') onProgress?.(event.text);
    if (signal?.aborted === true) throw new ShadowError('CANCELLED', 'The call was cancelled.');
    if (event.type === 'result') return { success: true, ...event.result };
    if (event.type === 'error') return { success: false, error: event.error };
  }
  throw new ShadowError('UNAVAILABLE', 'The stream of the clone was cut.');
}

/** Sends a bundle to make the repository from. */
export async function gitRestore(
  client: SidecarClient,
  { branch, base, commit, originUrl }: GitRestoreRequest,
  content: AsyncIterable<Uint8Array>,
  { signal, idempotencyKey }: CallOptions,
): Promise<Result<GitCloneResult>> {
  const source = new ReplaySource(content);
  const query = { branch, base, commit, originUrl };
  const restored = await client.upload(
    sidecarEndpoints.gitRestore,
    { query, signal, idempotencyKey, timeoutMs: RESTORE_MS },
    () => source.open(),
  );
  if (source.error === undefined) return restored;
  return { success: false, error: toShadowError(source.error).toOperationError() };
}

const BundleHeaders = z.object({ [GIT_COMMITS_HEADER]: z.coerce.number().pipe(z.int().min(0)) });

/** Fetches a bundle; its content is streamed. */
export async function gitBundle(
  client: SidecarClient,
  body: GitBundleRequest,
  { signal }: CallOptions,
): Promise<Result<GitBundle>> {
  const opened = await client.open(sidecarEndpoints.gitBundle, { body, signal });
  if (!opened.success) return opened;
  const headers = BundleHeaders.safeParse(opened.headers);
  if (!headers.success) {
    opened.body.destroy();
    return failure('INTERNAL', 'The sidecar’s answer to gitBundle is not of the expected form.');
  }
  const commits = headers.data[GIT_COMMITS_HEADER];
  return { success: true, commits, content: contentOf(opened, undefined, signal) };
}
