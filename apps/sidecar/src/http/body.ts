import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { ShadowError } from '@shadow/protocol';
import express, { type Request, type RequestHandler } from 'express';
import type { LimitsConfig } from '../config.ts';
import { tooLarge } from './errors.ts';

const bodyHashes = new WeakMap<IncomingMessage, string>();

/** Reads JSON bodies within their limits of size and time. */
export function jsonBody(limits: LimitsConfig): RequestHandler[] {
  const parse = express.json({
    limit: limits.maxBodyBytes,
    strict: false,
    verify: (request, _response, bytes) => bodyHashes.set(request, hashOf(bytes)),
  });
  return [
    requireJson,
    (request, response, next) => {
      const stopWatching = endWhenIdle(request, limits.bodyIdleMs);
      parse(request, response, (error: unknown) => {
        stopWatching();
        next(error);
      });
    },
  ];
}

/** Hash of the bytes of a parsed JSON body; that of nothing when there was none. */
export function bodyHashOf(request: IncomingMessage): string {
  return bodyHashes.get(request) ?? hashOf(Buffer.alloc(0));
}

const requireJson: RequestHandler = (request, _response, next) => {
  if (request.is('json') === 'json') return next();
  throw new ShadowError(
    'VALIDATION_FAILED',
    'Send a JSON body with the header Content-Type: application/json.',
  );
};

/**
 * A body of bytes, hashed as it passes. All who iterate share one reading, so that bytes are seen once: whoever leaves
 * early, even with a read under way, leaves what comes then to the digest.
 */
export class ByteBody implements AsyncIterable<Uint8Array> {
  readonly #request: Request;
  readonly #limits: Pick<LimitsConfig, 'maxUploadBytes' | 'bodyIdleMs'>;
  readonly #bytes: AsyncGenerator<Uint8Array, void, undefined>;
  #digest: string | undefined;
  #failure: ShadowError | undefined;

  constructor(request: Request, limits: Pick<LimitsConfig, 'maxUploadBytes' | 'bodyIdleMs'>) {
    this.#request = request;
    this.#limits = limits;
    this.#bytes = this.#read();
  }

  /** @throws ShadowError FILE_TOO_LARGE, CANCELLED when the sender goes away or stands still */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, void, undefined> {
    // Without return(): leaving early does not end the reading.
    return { next: () => this.#bytes.next() };
  }

  /** Hash of the whole body; what nobody has read is read for it. @throws ShadowError as reading does */
  async digest(): Promise<string> {
    for await (const _ of this);
    if (this.#digest === undefined) throw this.#failure ?? cutOff(undefined);
    return this.#digest;
  }

  async *#read(): AsyncGenerator<Uint8Array, void, undefined> {
    const hash = createHash('sha256');
    try {
      for await (const bytes of this.#chunks()) {
        hash.update(bytes);
        yield bytes;
      }
    } catch (error) {
      this.#failure = error instanceof ShadowError ? error : cutOff(error);
      throw this.#failure;
    }
    this.#digest = hash.digest('hex');
  }

  async *#chunks(): AsyncGenerator<Buffer, void, undefined> {
    const { maxUploadBytes, bodyIdleMs } = this.#limits;
    if (Number(this.#request.headers['content-length'] ?? 0) > maxUploadBytes) throw tooLarge(maxUploadBytes);
    const chunks: AsyncIterator<Buffer> = this.#request.iterator({ destroyOnReturn: false });
    let size = 0;
    for (;;) {
      // Only while bytes are waited for: a reader that is slow is not a sender that stands still.
      const stopWatching = endWhenIdle(this.#request, bodyIdleMs);
      const { done, value } = await chunks.next().finally(stopWatching);
      if (done === true) return;
      size += value.length;
      if (size > maxUploadBytes) throw tooLarge(maxUploadBytes);
      yield value;
    }
  }
}

function cutOff(cause: unknown): ShadowError {
  return new ShadowError('CANCELLED', 'The upload was cut off.', { cause });
}

/** Cuts a connection whose body stands still: whoever sends nothing must not hold anything. */
function endWhenIdle(request: IncomingMessage, idleMs: number): () => void {
  const { socket } = request;
  const cut = () => socket.destroy();
  socket.setTimeout(idleMs, cut);
  return () => {
    socket.off('timeout', cut);
    socket.setTimeout(0);
  };
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
