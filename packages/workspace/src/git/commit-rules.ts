import { type GitCommitRequest, ShadowError } from '@shadow/protocol';
import { identityPart } from './config.ts';

export interface Identity {
  name: string;
  email: string;
}

/** Who commits when neither the request nor the repository says so. */
export const DEFAULT_AUTHOR: Readonly<Identity> = { name: 'Shadow', email: 'shadow@localhost' };

/** @throws ShadowError VALIDATION_FAILED for a message of nothing but space */
export function requireMessage({ message }: Pick<GitCommitRequest, 'message'>): void {
  if (message.trim() === '') throw blank('message');
}

/**
 * The author that a request names, as git can store it.
 * @throws ShadowError VALIDATION_FAILED when nothing of the name or of the address is left
 */
export function storableAuthor(author: NonNullable<GitCommitRequest['author']>): Identity {
  const name = identityPart(author.name);
  const email = identityPart(author.email);
  if (name === undefined) throw blank('author.name');
  if (email === undefined) throw blank('author.email');
  return { name, email };
}

function blank(field: string): ShadowError {
  const reason = 'must not be blank';
  return new ShadowError('VALIDATION_FAILED', `The request is not valid. ${field}: ${reason}`, {
    details: { issues: [{ field, reason }] },
  });
}
