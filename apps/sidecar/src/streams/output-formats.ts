import {
  EVENT_STREAM_TYPE,
  encodeOutputFrame,
  type JsonOutputFrame,
  OUTPUT_FRAMES_TYPE,
  type OutputWireFrame,
} from '@shadow/protocol';
import type { StreamFormat } from './send-stream.ts';

/** Output as frames of bytes. */
export const framesFormat: StreamFormat<OutputWireFrame> = {
  contentType: OUTPUT_FRAMES_TYPE,
  heartbeat: encodeOutputFrame({ type: 'heartbeat' })[0],
  encode: encodeOutputFrame,
  isLast,
};

/** Output as server-sent events. The id of an event is the offset after it, which `Last-Event-ID` hands back. */
export const eventsFormat: StreamFormat<OutputWireFrame> = {
  contentType: EVENT_STREAM_TYPE,
  heartbeat: 'event: heartbeat\ndata: {"type":"heartbeat"}\n\n',
  encode: (frame) => {
    const next = offsetAfter(frame);
    const id = next === undefined ? '' : `id: ${next}\n`;
    return [`event: ${frame.type}\n${id}data: ${JSON.stringify(toJsonFrame(frame))}\n\n`];
  },
  isLast,
};

function isLast({ type }: OutputWireFrame): boolean {
  return type === 'end' || type === 'error';
}

/** The frame with its bytes as base64. */
export function toJsonFrame(frame: OutputWireFrame): JsonOutputFrame {
  if (frame.type !== 'data') return frame;
  const { buffer, byteOffset, byteLength } = frame.data;
  return { ...frame, data: Buffer.from(buffer, byteOffset, byteLength).toString('base64') };
}

function offsetAfter(frame: OutputWireFrame): number | undefined {
  if (frame.type === 'data') return frame.offset + frame.data.length;
  if (frame.type === 'gap') return frame.toOffset;
  return frame.type === 'end' ? frame.offset : undefined;
}
