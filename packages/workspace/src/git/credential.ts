import type { GitCredential } from '@shadow/protocol';

/** Where git's helper finds the credential: a descriptor that git and what it starts inherit, and nothing else has. */
export const CREDENTIAL_DESCRIPTOR = 3;

/** A name as short as this is a person's or a word such as `x-access-token`, no secret. */
const LONGEST_PLAIN_NAME = 15;

/**
 * Settings that let git ask for the credential of one host alone, so that none follows a redirection elsewhere
 * (gitcredentials(7)). The helper reads it once; it stands neither in an argument nor in a variable nor in a file.
 *
 * @param url address of http or https
 */
export function credentialSettings(url: string): string[] {
  const { protocol, host } = new URL(url);
  const helper = `!f() { test "$1" = get && cat <&${CREDENTIAL_DESCRIPTOR}; }; f`;
  return [`credential.${protocol}//${host}.helper=${helper}`];
}

/** What a helper answers (git-credential(1), "INPUT/OUTPUT FORMAT"). */
export function credentialLines({ username, password }: GitCredential): string {
  return `username=${username}\npassword=${password}\n`;
}

/** Takes a credential out of a text, however it is written, and whatever stands before the host of an address. */
export function scrubbed(text: string, credential: GitCredential | undefined): string {
  let clean = text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^/\s@'"]+@/gi, '$1');
  if (credential === undefined) return clean;
  const { username, password } = credential;
  const secrets = username.length > LONGEST_PLAIN_NAME ? [password, username] : [password];
  const forms = [
    Buffer.from(`${username}:${password}`).toString('base64'),
    ...secrets.flatMap((secret) => [secret, encodeURIComponent(secret)]),
  ];
  for (const form of forms.filter((text) => text !== '')) clean = clean.replaceAll(form, '***');
  return clean;
}
