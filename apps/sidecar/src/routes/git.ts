import {
  ErrorBody,
  EVENT_STREAM_TYPE,
  GIT_COMMITS_HEADER,
  type GitCloneEvent,
  GitCloneResult,
  ShadowError,
  sidecarEndpoints,
  toShadowError,
  unwrap,
} from '@shadow/protocol';
import { Router } from 'express';
import type { SidecarContext } from '../context.ts';
import { type Call, jsonRoute, keyedAnswer, streamRoute, uploadRoute } from '../http/route.ts';
import { EventQueue } from '../streams/event-queue.ts';
import { sendBytes } from '../streams/send-bytes.ts';
import { type StreamFormat, sendStream } from '../streams/send-stream.ts';

/** A bundle stands still between its head and its pack, as long as git looks for what is alike in the repository. */
const BUNDLE_IDLE_MS = 600_000;

const cloneFormat: StreamFormat<GitCloneEvent> = {
  contentType: EVENT_STREAM_TYPE,
  heartbeat: 'event: heartbeat\ndata: {"type":"heartbeat"}\n\n',
  encode: (event) => [`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`],
};

/** `/api/git/*` */
export function gitRouter(context: SidecarContext): Router {
  const router = Router();
  const { engine } = context;
  const { gitStatus, gitDiff, gitCommit, gitLog, gitCheckout, gitRestore, gitPush } = sidecarEndpoints;
  jsonRoute(router, context, gitStatus, ({ signal }) => engine.gitStatus({ signal }));
  jsonRoute(router, context, gitDiff, ({ body, signal }) => engine.gitDiff(body, { signal }));
  jsonRoute(router, context, gitCommit, ({ body, signal }) => engine.gitCommit(body, { signal }));
  jsonRoute(router, context, gitLog, ({ body, signal }) => engine.gitLog(body, { signal }));
  jsonRoute(router, context, gitCheckout, ({ body, signal }) => engine.gitCheckout(body, { signal }));
  jsonRoute(router, context, gitPush, ({ body, signal }) => engine.gitPush(body, { signal }));
  const limits = {
    ...context.limits,
    bodyIdleMs: Math.max(context.limits.bodyIdleMs, BUNDLE_IDLE_MS),
  };
  uploadRoute(
    router,
    context,
    gitRestore,
    ({ query, signal }, content) => engine.gitRestore(query, content, { signal }),
    limits,
  );
  streamRoute(router, context, sidecarEndpoints.gitClone, (call) => sendClone(context, call));
  streamRoute(
    router,
    context,
    sidecarEndpoints.gitBundle,
    async ({ body, signal: gone, revoked, response }) => {
      const signal = AbortSignal.any([gone, revoked]);
      const { commits, content } = unwrap(await engine.gitBundle(body, { signal }));
      response
        .status(200)
        .set({ 'Content-Type': 'application/octet-stream', [GIT_COMMITS_HEADER]: String(commits) });
      await sendBytes(response, content, signal);
    },
  );
  return router;
}

type CloneCall = Call<typeof sidecarEndpoints.gitClone>;

/** A clone ends when its caller goes away: the next try begins anew, whatever was half there. */
async function sendClone(context: SidecarContext, call: CloneCall): Promise<void> {
  const ended = AbortSignal.any([call.signal, call.revoked, context.closing]);
  const events = new EventQueue<GitCloneEvent>();
  const work = clone(context, call, ended, (text) => events.push({ type: 'progress', text })).then(
    (result) => events.end({ type: 'result', result }),
    (error: unknown) => events.end({ type: 'error', error: toShadowError(error).toOperationError() }),
  );
  await sendStream(call.response, events, cloneFormat, ended);
  await work;
}

/** @throws ShadowError as cloning does */
async function clone(
  context: SidecarContext,
  call: CloneCall,
  signal: AbortSignal,
  onProgress: (text: string) => void,
): Promise<GitCloneResult> {
  const { status, body } = await keyedAnswer(context, sidecarEndpoints.gitClone, call, () =>
    context.engine.gitClone(call.body, { signal, onProgress }),
  );
  if (status !== sidecarEndpoints.gitClone.status) throw ShadowError.from(ErrorBody.parse(body).error);
  return GitCloneResult.parse(body);
}
