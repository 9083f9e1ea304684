import type { V1Secret } from '@kubernetes/client-node';
import { ShadowError } from '@shadow/protocol';

/** Key of the Secret that holds the token which opens the sidecar. */
export const TOKEN_KEY = 'token';

/** The token of a Secret; undefined for one that holds none. */
export function tokenOf(secret: V1Secret | undefined): string | undefined {
  const encoded = secret?.data?.[TOKEN_KEY];
  const token = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8');
  return token === '' ? undefined : token;
}

/** The token of a Secret that must hold one. @throws ShadowError UNAVAILABLE when it does not */
export function tokenIn(secret: V1Secret): string {
  const token = tokenOf(secret);
  if (token !== undefined) return token;
  throw new ShadowError('UNAVAILABLE', `The Secret ${secret.metadata?.name} holds no token.`);
}
