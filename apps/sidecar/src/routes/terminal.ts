import {
  DEFAULT_HISTORY_BYTES,
  type JsonOutputFrame,
  type Result,
  sidecarEndpoints,
  type TerminalHistory,
  unwrap,
} from '@shadow/protocol';
import { Router } from 'express';
import type { SidecarContext } from '../context.ts';
import { type Call, jsonRoute, streamRoute } from '../http/route.ts';
import { eventsFormat, framesFormat, toJsonFrame } from '../streams/output-formats.ts';
import { sendOutput } from '../streams/send-output.ts';

/** `/api/terminal/*`, its WebSocket apart. */
export function terminalRouter(context: SidecarContext): Router {
  const router = Router();
  const { readHistory, streamOutput, readOutput } = sidecarEndpoints;
  jsonRoute(router, context, readHistory, (call) => history(context, call));
  streamRoute(router, context, streamOutput, (call) => sendOutput(context, call, eventsFormat));
  streamRoute(router, context, readOutput, (call) => sendOutput(context, call, framesFormat));
  return router;
}

async function history(
  { engine }: SidecarContext,
  { params, query, signal }: Call<typeof sidecarEndpoints.readHistory>,
): Promise<Result<TerminalHistory>> {
  const { process } = unwrap(await engine.getProcess(params, { signal }));
  const frames: JsonOutputFrame[] = [];
  let nextOffset = query.fromOffset ?? process.outputStart;
  const maxBytes = query.maxBytes ?? DEFAULT_HISTORY_BYTES;
  for await (const frame of engine.readOutput({ ...params, fromOffset: nextOffset, maxBytes }, { signal })) {
    if (frame.type === 'error') return { success: false, error: frame.error };
    if (frame.type === 'end') return { success: true, frames, nextOffset, process: frame.process };
    nextOffset = frame.type === 'gap' ? frame.toOffset : frame.offset + frame.data.length;
    frames.push(toJsonFrame(frame));
  }
  return { success: true, frames, nextOffset, process };
}
