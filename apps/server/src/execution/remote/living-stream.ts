import type { Readable } from 'node:stream';
import { ShadowError, STREAM_HEARTBEAT_MS } from '@shadow/protocol';

/** Beats missed before a stream counts as cut. */
const PATIENCE_MS = 3 * STREAM_HEARTBEAT_MS;

/**
 * The chunks of a stream that must show a sign of life now and then. Leaving it early lets go of the connection.
 *
 * @throws ShadowError UNAVAILABLE when the connection breaks or falls silent
 */
export async function* livingChunks(body: Readable): AsyncGenerator<Uint8Array, void, undefined> {
  let isSilent = false;
  const timer = setTimeout(() => {
    // A reader that takes its time leaves bytes waiting here: that is not the sidecar's silence.
    if (body.readableLength > 0) {
      timer.refresh();
      return;
    }
    isSilent = true;
    body.destroy();
  }, PATIENCE_MS);
  try {
    for await (const chunk of body) {
      timer.refresh();
      yield chunk;
    }
  } catch (cause) {
    throw cut(cause);
  } finally {
    clearTimeout(timer);
    body.destroy();
  }
  if (isSilent) throw cut(undefined);
}

function cut(cause: unknown): ShadowError {
  return new ShadowError('UNAVAILABLE', 'The stream from the sidecar was cut.', { cause });
}
