import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { ShadowError } from '@shadow/protocol';
import type { RequestHandler } from 'express';

/** Says whether a request carries the token. */
export interface Authenticator {
  /** @throws ShadowError UNAUTHENTICATED without a token, TOKEN_INVALID with another one */
  check(request: IncomingMessage): void;
}

/** @param token the one token that opens this sidecar */
export function createAuthenticator(token: string): Authenticator {
  const expected = digest(token);
  return {
    check(request) {
      const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
      if (given === undefined) {
        throw new ShadowError('UNAUTHENTICATED', 'Send the sidecar’s token as Authorization: Bearer.');
      }
      // Digests have one length, so the time taken says nothing about the token.
      if (timingSafeEqual(digest(given), expected)) return;
      throw new ShadowError('TOKEN_INVALID', 'This is not the token of this sidecar.');
    },
  };
}

/** Lets only requests with the token through. */
export function requireToken(authenticator: Authenticator): RequestHandler {
  return (request, _response, next) => {
    authenticator.check(request);
    next();
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
