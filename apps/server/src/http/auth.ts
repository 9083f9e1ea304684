import { ShadowError } from '@shadow/protocol';
import type { RequestHandler, Response } from 'express';
import type { Access } from '../access/access.ts';
import type { Principal } from '../access/principal.ts';
import { isSameOrigin } from './same-origin.ts';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** The gate: nothing behind it runs for somebody unknown, nor for another site that borrows a cookie. */
export function requireAuthentication(access: Access, publicUrl: string | null): RequestHandler {
  return async (request, response, next) => {
    const authentication = await access.authenticate(request.headers);
    if (authentication === null) {
      throw new ShadowError(
        'UNAUTHENTICATED',
        'Sign in with the link that Shadow printed, or send an API key.',
      );
    }
    const { principal, setCookies } = authentication;
    const isByCookie = principal.credential.kind === 'session';
    if (isByCookie && !SAFE_METHODS.has(request.method) && !isSameOrigin(request.headers, publicUrl)) {
      throw new ShadowError(
        'FORBIDDEN',
        'This request came from another site. Set PUBLIC_URL if a proxy is used.',
      );
    }
    if (setCookies.length > 0) response.append('Set-Cookie', [...setCookies]);
    response.locals.principal = principal;
    next();
  };
}

/**
 * Who makes this request, behind the gate.
 * @throws ShadowError UNAUTHENTICATED when a route was mounted before the gate
 */
export function principalOf(response: Response): Principal {
  const { principal } = response.locals;
  if (principal === undefined) throw new ShadowError('UNAUTHENTICATED', 'Sign in first.');
  return principal;
}
