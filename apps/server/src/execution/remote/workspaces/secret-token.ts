import type { V1Secret } from '@kubernetes/client-node';

/** Key of the Secret that holds the token which opens the sidecar. */
export const TOKEN_KEY = 'token';

/** The token of a Secret; undefined for one that holds none. */
export function tokenOf(secret: V1Secret | undefined): string | undefined {
  const encoded = secret?.data?.[TOKEN_KEY];
  const token = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8');
  return token === '' ? undefined : token;
}
