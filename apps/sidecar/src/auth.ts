import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { ShadowError } from '@shadow/protocol';
import type { RequestHandler } from 'express';
import { digestOf } from './token-digest.ts';

/** A token that opens the sidecar, until it does not any more. */
export interface Grant {
  /** Of the token, which is nowhere here: whoever reads this process's files or settings learns nothing. */
  readonly digest: Buffer;
  /** Aborts when the token opens the sidecar no more. */
  readonly revoked: AbortSignal;
  revoke(): void;
}

/** Makes a token one that opens the sidecar. @param digest as `digestOf` makes it */
export function makeGrant(digest: Buffer): Grant {
  const revoking = new AbortController();
  return { digest, revoked: revoking.signal, revoke: () => revoking.abort() };
}

/** Says whether a request carries the token. */
export interface Authenticator {
  /**
   * @returns aborts when the token that the request carries opens the sidecar no more
   * @throws ShadowError UNAUTHENTICATED without a token, TOKEN_INVALID with another one
   */
  check(request: IncomingMessage): AbortSignal;
}

/** @param current the one token that opens this sidecar at the time */
export function createAuthenticator(current: () => Grant): Authenticator {
  return {
    check(request) {
      const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
      if (given === undefined) {
        throw new ShadowError('UNAUTHENTICATED', 'Send the sidecar’s token as Authorization: Bearer.');
      }
      const { digest: expected, revoked } = current();
      // Digests have one length, so the time taken says nothing about the token.
      if (timingSafeEqual(digestOf(given), expected)) return revoked;
      throw new ShadowError('TOKEN_INVALID', 'This is not the token of this sidecar.');
    },
  };
}

const revocations = new WeakMap<IncomingMessage, AbortSignal>();
const never = new AbortController().signal;

/** Lets only requests with the token through. */
export function requireToken(authenticator: Authenticator): RequestHandler {
  return (request, _response, next) => {
    revocations.set(request, authenticator.check(request));
    next();
  };
}

/** Aborts when the token that a request was let through with opens the sidecar no more. */
export function revocationOf(request: IncomingMessage): AbortSignal {
  return revocations.get(request) ?? never;
}
