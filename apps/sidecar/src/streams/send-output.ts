import { type OutputStreamQuery, type OutputWireFrame, type ProcessParams, unwrap } from '@shadow/protocol';
import type { Request, Response } from 'express';
import type * as z from 'zod';
import type { SidecarContext } from '../context.ts';
import { type StreamFormat, sendStream } from './send-stream.ts';

export interface OutputCall {
  readonly params: ProcessParams;
  readonly query: z.output<typeof OutputStreamQuery>;
  readonly signal: AbortSignal;
  readonly revoked: AbortSignal;
  readonly request: Request;
  readonly response: Response;
}

/**
 * Streams a process's output from an offset.
 *
 * @throws ShadowError PROCESS_NOT_FOUND before anything was sent
 */
export async function sendOutput(
  context: SidecarContext,
  { params, query, signal, revoked, request, response }: OutputCall,
  format: StreamFormat<OutputWireFrame>,
): Promise<void> {
  unwrap(await context.engine.getProcess(params, { signal }));
  const ended = AbortSignal.any([signal, revoked, context.closing]);
  const fromOffset = lastEventId(request) ?? query.fromOffset;
  const frames = context.engine.readOutput(
    {
      ...params,
      follow: query.follow ?? true,
      ...(fromOffset === undefined ? {} : { fromOffset }),
      ...(query.maxBytes === undefined ? {} : { maxBytes: query.maxBytes }),
    },
    { signal: ended },
  );
  await sendStream(response, counted(frames, context), format, ended);
}

async function* counted(
  frames: AsyncIterable<OutputWireFrame>,
  { metrics }: SidecarContext,
): AsyncGenerator<OutputWireFrame> {
  for await (const frame of frames) {
    if (frame.type === 'data') metrics.outputBytes.inc(frame.data.length);
    yield frame;
  }
}

/** Where a browser's EventSource wants to go on. */
function lastEventId(request: Request): number | undefined {
  const given = request.get('last-event-id');
  return given !== undefined && /^\d{1,15}$/.test(given) ? Number(given) : undefined;
}
