import {
  EVENT_STREAM_TYPE,
  type ExecuteCommandRequest,
  failure,
  OUTPUT_FRAMES_TYPE,
  type OutputWireFrame,
  type ProcessInfo,
  type Result,
  ShadowError,
  type StartCommandAnswer,
  sidecarEndpoints,
  unwrap,
} from '@shadow/protocol';
import { runCommand, startCommand } from '@shadow/workspace';
import { Router } from 'express';
import type { SidecarContext } from '../context.ts';
import { defined } from '../http/defined.ts';
import { type Call, jsonRoute, streamRoute } from '../http/route.ts';
import { eventsFormat, framesFormat } from '../streams/output-formats.ts';
import { sendOutput } from '../streams/send-output.ts';
import { sendStream } from '../streams/send-stream.ts';
import { RefusedStarts } from './refused-starts.ts';

/** `/api/execute/*` */
export function execRouter(context: SidecarContext): Router {
  const router = Router();
  const { engine, host } = context;
  const { stateDir } = context.workspace;
  const refused = new RefusedStarts();
  const {
    executeCommand,
    listProcesses,
    getProcess,
    streamCommand,
    writeStdin,
    signalProcess,
    resizeTerminal,
    cancelProcess,
  } = sidecarEndpoints;
  streamRoute(router, context, executeCommand, (call) => execute(context, refused, call));
  jsonRoute(router, context, listProcesses, ({ signal }) => engine.listProcesses({ signal }));
  jsonRoute(router, context, getProcess, ({ params, signal }) => engine.getProcess(params, { signal }));
  streamRoute(router, context, streamCommand, (call) => sendOutput(context, call, eventsFormat));
  jsonRoute(router, context, writeStdin, ({ params, body, idempotencyKey }) =>
    engine.writeStdin({ ...params, ...body }, defined({ idempotencyKey })),
  );
  jsonRoute(router, context, signalProcess, ({ params, body, idempotencyKey }) =>
    engine.signalProcess({ ...params, ...body }, defined({ idempotencyKey })),
  );
  jsonRoute(router, context, resizeTerminal, ({ params, body }) =>
    engine.resizeTerminal({ ...params, ...body }),
  );
  jsonRoute(router, context, cancelProcess, async ({ params }) => {
    const cancelled = await host.cancelProcess({ stateDir, ...params });
    if (!cancelled.success && cancelled.error.code === 'PROCESS_NOT_FOUND') refused.add(params.processId);
    return cancelled;
  });
  return router;
}

/** Starts the command, or finds it, and answers in the form that was asked for. A caller that goes away ends nothing. */
async function execute(
  context: SidecarContext,
  refused: RefusedStarts,
  call: Call<typeof sidecarEndpoints.executeCommand>,
): Promise<void> {
  const { params, body, response, revoked } = call;
  if (refused.has(params.processId)) {
    throw new ShadowError('CANCELLED', 'The command was cancelled before it was started.');
  }
  const request = { ...body, ...params };
  const form = call.request.accepts(['application/json', OUTPUT_FRAMES_TYPE, EVENT_STREAM_TYPE]);
  if (form === OUTPUT_FRAMES_TYPE || form === EVENT_STREAM_TYPE) {
    const ended = AbortSignal.any([call.signal, revoked, context.closing]);
    const frames = await begun(runCommand(context.workspace, context.host, request, { signal: ended }));
    await sendStream(response, frames, form === EVENT_STREAM_TYPE ? eventsFormat : framesFormat, ended);
    return;
  }
  const started = unwrap(await startCommand(context.workspace, context.host, request));
  const { success: _, ...answer } = unwrap(
    await waitFor(context, request, started, AbortSignal.any([revoked, context.closing])),
  );
  response.status(200).json(answer);
}

/**
 * The frames of a command that has begun.
 *
 * @throws ShadowError why it could not begin, before anything was sent
 */
async function begun(
  frames: AsyncGenerator<OutputWireFrame, void, undefined>,
): Promise<AsyncIterable<OutputWireFrame>> {
  const first = await frames.next();
  if (first.done === true) throw new ShadowError('INTERNAL', 'A command began without a word.');
  if (first.value.type === 'error') throw ShadowError.from(first.value.error);
  return startingWith(first.value, frames);
}

async function* startingWith(
  first: OutputWireFrame,
  rest: AsyncGenerator<OutputWireFrame, void, undefined>,
): AsyncGenerator<OutputWireFrame> {
  try {
    yield first;
    yield* rest;
  } finally {
    await rest.return();
  }
}

/** A background process as it is; a foreground one after its end, with its result. */
async function waitFor(
  { engine }: SidecarContext,
  request: ExecuteCommandRequest,
  { process, created }: { process: ProcessInfo; created: boolean },
  ended: AbortSignal,
): Promise<Result<StartCommandAnswer>> {
  if (request.isBackground === true) return { success: true, process, created };
  // The same id again: this finds the process and follows it to its end.
  const waiting = engine.executeCommand(request);
  const closed = new Promise<undefined>((resolve) => {
    if (ended.aborted) resolve(undefined);
    ended.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  const result = await Promise.race([waiting, closed]);
  if (result === undefined)
    return failure(
      'UNAVAILABLE',
      'The sidecar shuts down or was given to another task; ask again for this id.',
    );
  if (!result.success) return result;
  const { success: _, ...rest } = result;
  return { success: true, process: rest.process, created, result: rest };
}
