import { ShadowError } from '@shadow/protocol';
import type { GitScope } from './git-scope.ts';

/** How a repository is reached. */
export type AddressScheme = 'https' | 'http' | 'git' | 'ssh' | 'file';

const URL_SCHEMES: ReadonlySet<string> = new Set<AddressScheme>(['https', 'http', 'git', 'ssh', 'file']);
/** `user@host:path`, which git takes for ssh; not `helper::address`, which names a program. */
const SCP_LIKE = /^(?:[\w.-]+@)?[\w.-]+:(?!\/\/|:)\S+$/;

/**
 * How git would reach an address.
 *
 * @throws ShadowError VALIDATION_FAILED for anything but https, http, git, ssh and file
 */
export function schemeOf(url: string): AddressScheme {
  const named = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  if (named !== undefined && isScheme(named) && URL.canParse(url)) return named;
  if (named === undefined && url.startsWith('/')) return 'file';
  if (named === undefined && SCP_LIKE.test(url)) return 'ssh';
  const reason = 'must be an address of https, http, git or ssh';
  throw new ShadowError('VALIDATION_FAILED', `The request is not valid. url: ${reason}`, {
    details: { issues: [{ field: 'url', reason }] },
  });
}

/**
 * The same for an address that this workspace may use.
 *
 * @throws ShadowError also FORBIDDEN for the machine's own disk where that is not open
 */
export function allowedScheme(
  { cloneFromDisk }: Pick<GitScope, 'cloneFromDisk'>,
  url: string,
): AddressScheme {
  const scheme = schemeOf(url);
  if (scheme === 'file' && !cloneFromDisk) {
    throw new ShadowError(
      'FORBIDDEN',
      'Repositories on this machine’s own disk are not open to workspaces. Give the address of a server.',
    );
  }
  return scheme;
}

/** For GIT_ALLOW_PROTOCOL (git(1)): http may lead to https, never the other way. */
export function allowedProtocols(scheme: AddressScheme): string {
  return scheme === 'http' ? 'http:https' : scheme;
}

/** Whether addresses of it take a name and a password. */
export function isHttp(scheme: AddressScheme): boolean {
  return scheme === 'http' || scheme === 'https';
}

function isScheme(name: string): name is AddressScheme {
  return URL_SCHEMES.has(name);
}
