import { spawn } from 'node:child_process';
import { chmod, chown, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseError } from '../errors.ts';
import { copyBinaries, type PostgresBinaries } from './binaries.ts';

/** Whose rights PostgreSQL runs with: it refuses root's. */
export type Identity =
  /** Those of this process. */
  | { readonly kind: 'self' }
  /** Root's own files, but no rights of root: a user namespace that maps root to nobody. */
  | { readonly kind: 'namespace' }
  /** Another user's. */
  | { readonly kind: 'user'; readonly uid: number; readonly gid: number };

/** All of the environment that our helper programs and PostgreSQL get: none of the server's. */
export const CHILD_ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
};

/** A program with the arguments and spawn options that give it an identity. */
export interface Invocation {
  readonly command: string;
  readonly args: readonly string[];
  readonly options: { readonly uid?: number; readonly gid?: number };
}

const NAMESPACE = ['unshare', '--user', '--map-user=65534', '--map-group=65534', '--'];

/**
 * The user when namespaces are refused: `daemon` (or `bin`), which every distribution has and nothing uses. Not
 * `nobody`, because the agents' commands run as that and must not reach the database. initdb wants a named user.
 */
export const FALLBACK_USER = { uid: 1, gid: 1 };

/** What {@link chooseIdentity} asks of the system; tests answer for it. */
export interface IdentityProbes {
  /** Effective user id; -1 where there are none. */
  readonly uid: number;
  /** Whether `unshare --user` works here. */
  unshare(): Promise<boolean>;
}

/** Asks the real system. */
export const systemProbes: IdentityProbes = {
  uid: process.geteuid?.() ?? -1,
  unshare: () => succeeds(invoke({ kind: 'namespace' }, ['true'])),
};

/** Decides whose rights PostgreSQL gets, from who we are and what the system allows. */
export async function chooseIdentity(probes: IdentityProbes): Promise<Identity> {
  if (probes.uid !== 0) return { kind: 'self' };
  if (await probes.unshare()) return { kind: 'namespace' };
  return { kind: 'user', ...FALLBACK_USER };
}

/** The way to run `argv` with an identity. */
export function invoke(identity: Identity, argv: readonly string[]): Invocation {
  const [command = '', ...args] = identity.kind === 'namespace' ? [...NAMESPACE, ...argv] : argv;
  return { command, args, options: identity.kind === 'user' ? { uid: identity.uid, gid: identity.gid } : {} };
}

/** Gives a file or directory to the identity; only root can and needs to. */
export async function giveTo(identity: Identity, path: string): Promise<void> {
  const owner = ownerOf(identity);
  if (owner !== undefined) await chown(path, owner.uid, owner.gid);
}

/**
 * Gives a directory with all that is in it to the identity, unless it has it: namespaces may have been refused when
 * it was made and be allowed now, or the other way round.
 * @param directory changes hands last, so that a run that is cut short is made up for by the next
 */
export async function giveTreeTo(identity: Identity, directory: string): Promise<void> {
  const owner = ownerOf(identity);
  if (owner === undefined || (await stat(directory)).uid === owner.uid) return;
  const content = (await readdir(directory)).map((name) => join(directory, name));
  const argv = ['chown', '-R', '-h', `${owner.uid}:${owner.gid}`, '--', ...content];
  if (await succeeds(invoke({ kind: 'self' }, argv))) await giveTo(identity, directory);
}

/** Who owns the files on the host; undefined when that is whoever we are. */
function ownerOf(identity: Identity): { uid: number; gid: number } | undefined {
  if (identity.kind === 'self') return undefined;
  return identity.kind === 'namespace' ? { uid: 0, gid: 0 } : { uid: identity.uid, gid: identity.gid };
}

/**
 * Makes sure that another user reaches the directory and can run the programs, copying them when it cannot.
 * @param home SHADOW_HOME, whose mode may gain the right to pass through (not to list)
 * @param directory that of PostgreSQL inside it
 * @throws DatabaseError ROOT_NEEDS_LOCATION
 */
export async function makeReachable(
  identity: Identity,
  home: string,
  directory: string,
  binaries: PostgresBinaries,
): Promise<PostgresBinaries> {
  if (identity.kind !== 'user') return binaries;
  for (const path of [home, directory]) await chmod(path, ((await stat(path)).mode & 0o777) | 0o011);
  if (!(await succeeds(invoke(identity, ['test', '-x', directory])))) throw needsLocation(home);
  if (await succeeds(invoke(identity, ['test', '-x', binaries.postgres]))) return binaries;
  const copy = await copyBinaries(binaries, directory);
  if (await succeeds(invoke(identity, ['test', '-x', copy.postgres]))) return copy;
  throw needsLocation(home);
}

function needsLocation(home: string): DatabaseError {
  return new DatabaseError(
    'ROOT_NEEDS_LOCATION',
    `PostgreSQL refuses to run as root, this system refuses user namespaces, and no other user can reach ${home}. ` +
      'Start with SHADOW_HOME=/var/lib/shadow, run as an ordinary user, or set DATABASE_URL.',
    { details: { home, location: '/var/lib/shadow' } },
  );
}

function succeeds({ command, args, options }: Invocation): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, cwd: '/', env: CHILD_ENVIRONMENT, stdio: 'ignore' });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
}
