import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseError, errorCode } from '../errors.ts';
import type { DatabaseLog } from '../log.ts';
import { locateBinaries } from './binaries.ts';
import { type Cluster, openCluster } from './cluster.ts';
import { acquireHomeLock, homeUnusable } from './home-lock.ts';
import { chooseIdentity, type IdentityProbes, makeReachable, systemProbes } from './identity.ts';
import { type EmbeddedStatus, Keeper } from './keeper.ts';
import { stopLeftovers } from './leftovers.ts';
import { DATABASE_NAME, ROLE_NAME, SOCKET_PORT, serverSettings } from './settings.ts';
import { makeSocketDirectory } from './socket-directory.ts';
import { type EmbeddedExit, startSupervised } from './supervisor.ts';

/** What {@link startEmbeddedPostgres} is given. */
export interface EmbeddedOptions {
  /** SHADOW_HOME, absolute; the data goes into `<home>/postgres`. */
  readonly home: string;
  readonly log: DatabaseLog;
  /** Answers about the system in the place of the real ones. */
  readonly probes?: IdentityProbes;
}

/** A PostgreSQL of our own, reached through a Unix socket that only this user can open. */
export interface EmbeddedPostgres extends AsyncDisposable {
  /** Holds the password: not for logs. Stays the same over restarts of the server. */
  readonly connectionString: string;
  status(): EmbeddedStatus;
  /**
   * Tells when the server ended by itself; it is then started again on its own.
   * @returns ends the subscription
   */
  onExit(listener: (exit: EmbeddedExit) => void): () => void;
  /** Starts it at once when it is not running, without waiting for the next automatic attempt. */
  restart(): Promise<void>;
  /** Stops it cleanly and frees the home; safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Starts the embedded PostgreSQL, creating its data the first time, and keeps it running until stopped. It ends with
 * this process, however that ends. As root it runs without root's rights.
 * @throws DatabaseError HOME_IN_USE, HOME_UNUSABLE, ROOT_NEEDS_LOCATION, EMBEDDED_UNAVAILABLE,
 *   DATA_DIRECTORY_UNUSABLE or EMBEDDED_START_FAILED
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const directory = await makeDirectory(options.home);
  const lock = await acquireHomeLock(directory, 'server.lock');
  try {
    return await startLocked(options, directory, () => lock.release());
  } catch (error) {
    lock.release();
    throw ownedByOther(options.home, error);
  }
}

async function startLocked(
  { home, log, probes = systemProbes }: EmbeddedOptions,
  directory: string,
  unlock: () => void,
): Promise<EmbeddedPostgres> {
  const identity = await chooseIdentity(probes);
  const binaries = await makeReachable(identity, home, directory, await locateBinaries(directory));
  const cluster = await openCluster(directory, binaries, identity);
  const socket = await makeSocketDirectory(directory, identity);
  const argv = [binaries.postgres, '-D', cluster.dataDirectory];
  for (const [name, value] of Object.entries(serverSettings(socket.path)))
    argv.push('-c', `${name}=${value}`);
  const keeper = new Keeper(async () => {
    await stopLeftovers(cluster.dataDirectory);
    return startSupervised(argv, identity, (line) => log.debug({ postgres: line }, 'embedded PostgreSQL'));
  }, log);
  const stop = once(async () => {
    await keeper.stop();
    await socket.remove();
    unlock();
  });
  try {
    await keeper.restart();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    connectionString: connectionString(cluster, socket.path),
    status: () => keeper.status,
    onExit: (listener) => keeper.onExit(listener),
    restart: () => keeper.restart(),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function makeDirectory(home: string): Promise<string> {
  const directory = join(home, 'postgres');
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw homeUnusable(home, error);
  }
  return directory;
}

/** Refused access inside the home means that another user made it. */
function ownedByOther(home: string, error: unknown): unknown {
  const code = error instanceof DatabaseError ? undefined : errorCode(error);
  return code === undefined ? error : homeUnusable(home, error);
}

function connectionString({ password }: Cluster, socketDirectory: string): string {
  const host = encodeURIComponent(socketDirectory);
  return `postgresql://${ROLE_NAME}:${password}@localhost:${SOCKET_PORT}/${DATABASE_NAME}?host=${host}`;
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}
