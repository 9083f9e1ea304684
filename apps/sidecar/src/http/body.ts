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

/** A body of bytes, hashed as it passes. */
export class ByteBody implements AsyncIterable<Uint8Array> {
  readonly #request: Request;
  readonly #limits: Pick<LimitsConfig, 'maxUploadBytes' | 'bodyIdleMs'>;
  readonly #hash = createHash('sha256');
  #digest: string | undefined;

  constructor(request: Request, limits: Pick<LimitsConfig, 'maxUploadBytes' | 'bodyIdleMs'>) {
    this.#request = request;
    this.#limits = limits;
  }

  /** @throws ShadowError FILE_TOO_LARGE, CANCELLED when the sender goes away or stands still */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const { maxUploadBytes, bodyIdleMs } = this.#limits;
    if (Number(this.#request.headers['content-length'] ?? 0) > maxUploadBytes) throw tooLarge(maxUploadBytes);
    const stopWatching = endWhenIdle(this.#request, bodyIdleMs);
    let size = 0;
    try {
      for await (const chunk of this.#request.iterator({ destroyOnReturn: false })) {
        const bytes: Buffer = chunk;
        size += bytes.length;
        if (size > maxUploadBytes) throw tooLarge(maxUploadBytes);
        this.#hash.update(bytes);
        yield bytes;
      }
    } catch (error) {
      if (error instanceof ShadowError) throw error;
      throw new ShadowError('CANCELLED', 'The upload was cut off.', { cause: error });
    } finally {
      stopWatching();
    }
    this.#digest = this.#hash.digest('hex');
  }

  /** Hash of the whole body; what nobody has read is read for it. */
  async digest(): Promise<string> {
    if (this.#digest === undefined) for await (const _ of this);
    return this.#digest ?? '';
  }
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
