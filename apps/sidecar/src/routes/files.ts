import {
  EVENT_STREAM_TYPE,
  FILE_PATH_HEADER,
  FILE_SIZE_HEADER,
  type FsChange,
  ShadowError,
  sidecarEndpoints,
  toShadowError,
  unwrap,
} from '@shadow/protocol';
import { Router } from 'express';
import type { SidecarContext } from '../context.ts';
import { defined } from '../http/defined.ts';
import { jsonRoute, streamRoute, uploadRoute } from '../http/route.ts';
import { sendBytes } from '../streams/send-bytes.ts';
import { type StreamFormat, sendStream } from '../streams/send-stream.ts';

type WatchEvent = { type: 'change'; change: FsChange } | { type: 'error'; error: ShadowError };

const changesFormat: StreamFormat<WatchEvent> = {
  contentType: EVENT_STREAM_TYPE,
  heartbeat: 'event: heartbeat\ndata: {}\n\n',
  encode: (event) => {
    const data = event.type === 'change' ? event.change : { error: event.error.toOperationError() };
    return [`event: ${event.type}\ndata: ${JSON.stringify(data)}\n\n`];
  },
};

/** `/api/files/*` */
export function filesRouter(context: SidecarContext): Router {
  const router = Router();
  const { engine } = context;
  const {
    readFile,
    writeFile,
    deleteFile,
    searchReplace,
    listDirectory,
    statFile,
    moveFile,
    makeDirectory,
    uploadFile,
    downloadFile,
    watch,
  } = sidecarEndpoints;
  jsonRoute(router, context, readFile, ({ body, signal }) => engine.readFile(body, { signal }));
  jsonRoute(router, context, writeFile, ({ body, signal }) => engine.writeFile(body, { signal }));
  jsonRoute(router, context, deleteFile, ({ body, signal }) => engine.deleteFile(body, { signal }));
  jsonRoute(router, context, searchReplace, ({ body, signal }) => engine.searchReplace(body, { signal }));
  jsonRoute(router, context, listDirectory, ({ body, signal }) => engine.listDirectory(body, { signal }));
  jsonRoute(router, context, statFile, ({ body, signal }) => engine.statFile(body, { signal }));
  jsonRoute(router, context, moveFile, ({ body, signal }) => engine.moveFile(body, { signal }));
  jsonRoute(router, context, makeDirectory, ({ body, signal }) => engine.makeDirectory(body, { signal }));
  uploadRoute(router, context, uploadFile, ({ query, signal }, content) =>
    engine.uploadFile(defined(query), content, { signal }),
  );
  streamRoute(router, context, downloadFile, async ({ query, signal: gone, revoked, response }) => {
    const signal = AbortSignal.any([gone, revoked]);
    const file = unwrap(await engine.downloadFile(defined(query), { signal }));
    const start = Math.min(query.offset ?? 0, file.size);
    const length = Math.min(query.length ?? file.size, file.size - start);
    response.status(200).set({
      'Content-Type': 'application/octet-stream',
      'Content-Length': String(length),
      [FILE_SIZE_HEADER]: String(file.size),
      [FILE_PATH_HEADER]: encodeURIComponent(file.path),
    });
    await sendBytes(response, file.content, signal);
  });
  streamRoute(router, context, watch, async ({ signal, revoked, response }) => {
    const ended = AbortSignal.any([signal, revoked, context.closing]);
    await sendStream(response, watchEvents(context, ended), changesFormat, ended);
  });
  return router;
}

async function* watchEvents(context: SidecarContext, signal: AbortSignal): AsyncGenerator<WatchEvent> {
  try {
    for await (const change of context.engine.watch({ signal })) yield { type: 'change', change };
  } catch (error) {
    yield { type: 'error', error: error instanceof ShadowError ? error : toShadowError(error) };
  }
}
