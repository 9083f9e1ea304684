import { once } from 'node:events';
import { STREAM_HEARTBEAT_MS } from '@shadow/protocol';
import type { Response } from 'express';

/** How items become bytes, and what a sign of life looks like. */
export interface StreamFormat<Item> {
  readonly contentType: string;
  readonly heartbeat: Uint8Array | string;
  /** The pieces of one item, in order. */
  encode(item: Item): readonly (Uint8Array | string | undefined)[];
  /** Whether nothing comes after this item; where it is not told, the end comes apart. */
  isLast?(item: Item): boolean;
}

/**
 * Sends items as they come until there are no more, the reader is gone or the signal aborts. The reader's pace is the
 * source's: nothing piles up here.
 */
export async function sendStream<Item>(
  response: Response,
  items: AsyncIterable<Item>,
  format: StreamFormat<Item>,
  signal: AbortSignal,
): Promise<void> {
  response.status(200).set({
    'Content-Type': format.contentType,
    'Cache-Control': 'no-store, no-transform',
    'X-Accel-Buffering': 'no',
  });
  response.socket?.setNoDelay(true);
  const beat = () => {
    if (!response.writableNeedDrain && !response.writableEnded) response.write(format.heartbeat);
  };
  // Each write to a socket costs as much as the rest of a short answer: what there is at once goes with the first, what ends
  // it with the last.
  let opening: NodeJS.Immediate | undefined = setImmediate(beat);
  const heartbeat = setInterval(beat, STREAM_HEARTBEAT_MS);
  try {
    for await (const item of items) {
      if (signal.aborted) break;
      if (opening !== undefined) {
        clearImmediate(opening);
        opening = undefined;
        beat();
      }
      const hasRoom = writePieces(response, format.encode(item));
      if (format.isLast?.(item) === true) response.end();
      else if (!hasRoom) await drained(response, signal);
    }
  } finally {
    clearInterval(heartbeat);
    clearImmediate(opening);
  }
  if (!response.writableEnded) response.end();
}

function writePieces(response: Response, pieces: readonly (Uint8Array | string | undefined)[]): boolean {
  let hasRoom = true;
  // Not corked: Node itself gathers the writes of one turn, and a corked response may wait for a `drain` that never comes.
  for (const piece of pieces) if (piece !== undefined) hasRoom = response.write(piece);
  return hasRoom;
}

async function drained(response: Response, signal: AbortSignal): Promise<void> {
  if (!response.writableNeedDrain || response.destroyed) return;
  await once(response, 'drain', { signal }).catch(() => {});
}
