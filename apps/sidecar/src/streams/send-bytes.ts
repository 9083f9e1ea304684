import { once } from 'node:events';
import type { Response } from 'express';

/**
 * Sends bytes at the reader's pace.
 *
 * @throws what the content throws: in the middle of an answer that cuts the connection, which tells the reader
 */
export async function sendBytes(
  response: Response,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  for await (const chunk of content) {
    if (response.write(chunk) || signal.aborted) continue;
    await once(response, 'drain', { signal }).catch(() => {});
  }
  response.end();
}
