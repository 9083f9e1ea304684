import type { Me } from '@shadow/protocol';

/** What somebody proved who they are with. */
export interface Credential {
  readonly kind: 'session' | 'api-key';
  /** Id of the session's or the key's row; no secret. */
  readonly id: string;
}

/** Who makes a request or holds a socket. */
export interface Principal {
  readonly user: Me['user'];
  readonly credential: Credential;
}

/** A principal as a request brought it: a session may have been renewed on the way. */
export interface Authentication {
  readonly principal: Principal;
  /** `Set-Cookie` values for the answer. */
  readonly setCookies: readonly string[];
}

/** The text that names a credential in maps. */
export function credentialKey(credential: Credential): string {
  return `${credential.kind}:${credential.id}`;
}
