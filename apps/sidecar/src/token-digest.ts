import { createHash } from 'node:crypto';

/** The SHA-256 of a token. Tokens are random and long: nobody finds one by its digest. */
export function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
