import type { IncomingHttpHeaders } from 'node:http';
import { type ErrorBody, ShadowError, toShadowError } from '@shadow/protocol';
import * as z from 'zod';
import type { Access } from '../access/access.ts';
import type { Principal } from '../access/principal.ts';
import { isCrossOrigin } from '../http/same-origin.ts';

const HandshakeAuth = z.object({ apiKey: z.string().optional() });

/**
 * Who opens a socket: by `auth.apiKey` of the handshake, or as in an HTTP request.
 * @throws ShadowError UNAUTHENTICATED, or FORBIDDEN for a page of another site
 */
export async function authenticateHandshake(
  access: Access,
  handshake: { headers: IncomingHttpHeaders; auth: unknown },
  publicUrl: string | null,
): Promise<Principal> {
  const auth = HandshakeAuth.safeParse(handshake.auth);
  const apiKey = auth.success ? auth.data.apiKey : undefined;
  const authentication =
    apiKey === undefined
      ? await access.authenticate(handshake.headers)
      : await access.authenticateKey(apiKey);
  if (authentication === null) {
    throw new ShadowError(
      'UNAUTHENTICATED',
      'Sign in with the link that Shadow printed, or send an API key.',
    );
  }
  const { principal } = authentication;
  // Browsers name their origin when they open a WebSocket: one that is not ours borrows the cookie.
  if (principal.credential.kind === 'session' && isCrossOrigin(handshake.headers, publicUrl)) {
    throw new ShadowError('FORBIDDEN', 'This socket was opened from another site.');
  }
  return principal;
}

/** The error as socket.io sends it: `data` is the same body that HTTP answers with. */
export function handshakeError(thrown: unknown): Error & { data: ErrorBody } {
  const error = toShadowError(thrown);
  return Object.assign(new Error(error.message), { data: { error: error.toOperationError() } });
}
