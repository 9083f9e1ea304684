import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { access, mkdir, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseError, errorCode, errorMessage } from '../errors.ts';
import type { PostgresBinaries } from './binaries.ts';
import { CHILD_ENVIRONMENT, giveTo, giveTreeTo, type Identity, invoke } from './identity.ts';
import { ROLE_NAME } from './settings.ts';

/** A database cluster that initdb completed. */
export interface Cluster {
  readonly dataDirectory: string;
  /** Of the role {@link ROLE_NAME}. */
  readonly password: string;
}

const CLUSTER = 'cluster';
const UNFINISHED = 'cluster.init-';

/**
 * Opens the cluster in a directory, creating it the first time. It is created under another name and renamed when
 * whole, so that a crash half-way leaves rubbish that the next call removes, never half a cluster.
 * @param directory exists and is ours alone while the call runs
 * @throws DatabaseError DATA_DIRECTORY_UNUSABLE or EMBEDDED_START_FAILED
 */
export async function openCluster(
  directory: string,
  binaries: PostgresBinaries,
  identity: Identity,
): Promise<Cluster> {
  await removeUnfinished(directory);
  const path = join(directory, CLUSTER);
  if (!(await exists(path))) await createCluster(directory, path, binaries, identity);
  else await giveTreeTo(identity, path);
  return readCluster(path, binaries);
}

async function removeUnfinished(directory: string): Promise<void> {
  const names = (await readdir(directory)).filter((name) => name.startsWith(UNFINISHED));
  // The initdb of a killed server may still be writing there; it ends when it misses its files.
  const options = { recursive: true, force: true, maxRetries: 20, retryDelay: 50 };
  await Promise.all(names.map((name) => rm(join(directory, name), options)));
}

async function createCluster(
  directory: string,
  path: string,
  binaries: PostgresBinaries,
  identity: Identity,
): Promise<void> {
  const unfinished = await mkdtemp(join(directory, UNFINISHED));
  try {
    const data = join(unfinished, 'data');
    const passwordFile = join(unfinished, 'password');
    await mkdir(data, { mode: 0o700 });
    await writeFile(passwordFile, randomBytes(24).toString('hex'), { mode: 0o600 });
    for (const each of [unfinished, data, passwordFile]) await giveTo(identity, each);
    await runInitdb(binaries, identity, data, passwordFile);
    // initdb has synced what is inside; the name has to be durable too before anything is committed.
    await rename(unfinished, path);
    await syncDirectory(directory);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
}

function runInitdb(
  binaries: PostgresBinaries,
  identity: Identity,
  data: string,
  passwordFile: string,
): Promise<void> {
  const { command, args, options } = invoke(identity, [
    binaries.initdb,
    `--pgdata=${data}`,
    `--username=${ROLE_NAME}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--no-locale',
    '--no-instructions',
  ]);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      ...options,
      cwd: '/',
      env: CHILD_ENVIRONMENT,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.once('error', (error) => reject(initFailed(error.message)));
    child.once('close', (code) => (code === 0 ? resolve() : reject(initFailed(output.trim()))));
  });
}

function initFailed(log: string): DatabaseError {
  const message = `The embedded PostgreSQL could not create its data directory: ${log || 'no output'}`;
  return new DatabaseError('EMBEDDED_START_FAILED', message, { details: { log: log.split('\n') } });
}

async function readCluster(path: string, binaries: PostgresBinaries): Promise<Cluster> {
  const dataDirectory = join(path, 'data');
  const [version, password] = await Promise.all([
    readPart(path, join('data', 'PG_VERSION')),
    readPart(path, 'password'),
  ]);
  if (version !== binaries.major) {
    throw new DatabaseError(
      'DATA_DIRECTORY_UNUSABLE',
      `${dataDirectory} was made by PostgreSQL ${version}, and this version of Shadow brings ${binaries.major}. ` +
        'Start the Shadow that made it, dump with pg_dump, move the directory away and load the dump here.',
      { details: { dataDirectory, found: version, expected: binaries.major } },
    );
  }
  return { dataDirectory, password };
}

async function readPart(path: string, name: string): Promise<string> {
  try {
    return (await readFile(join(path, name), 'utf8')).trim();
  } catch (error) {
    throw new DatabaseError(
      'DATA_DIRECTORY_UNUSABLE',
      `The embedded database in ${path} is damaged: ${name} cannot be read (${errorMessage(error)}). Restore the ` +
        'directory from a backup, or move it away to begin with an empty database.',
      { details: { path, missing: name, reason: errorCode(error) } },
    );
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}
