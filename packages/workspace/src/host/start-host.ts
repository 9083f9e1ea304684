import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ShadowError } from '@shadow/protocol/errors';
import { siblingModule } from '../sibling-module.ts';
import { HostConnection } from './host-connection.ts';
import { PROTOCOL_VERSION } from './messages.ts';
import { hostSocketPath } from './socket-path.ts';

/** Of a host without a process or a client, unless set otherwise. */
export const DEFAULT_IDLE_TIMEOUT_MS = 10 * 60 * 1000;
const READY_MS = 15_000;
const REPLACE_MS = 15_000;

export interface StartHostOptions {
  /** The host's own directory, absolute; made with mode 0700. One host serves per directory. */
  directory: string;
  /** Ends itself after so many milliseconds without a process or a client; default ten minutes. */
  idleTimeoutMs?: number;
}

export interface StartedHost {
  socketPath: string;
  pid: number;
  /** Whether this call started it. */
  started: boolean;
}

/**
 * Makes sure that the process host of a directory runs: a process of its own session that outlives the caller. A host of
 * another protocol version is asked to end, its processes with it, and replaced.
 *
 * @throws ShadowError UNAVAILABLE when it does not come up, PERMISSION_DENIED when its directory is open to others
 */
export async function startProcessHost(options: StartHostOptions): Promise<StartedHost> {
  const socketPath = hostSocketPath(options.directory);
  const running = await identify(socketPath);
  if (running !== undefined && running.version === PROTOCOL_VERSION) {
    return { socketPath, pid: running.pid, started: false };
  }
  if (running !== undefined) await replaceHost(socketPath);
  const started = await spawnDaemon(options);
  const present = await identifyWithin(socketPath, READY_MS);
  if (present === undefined) throw notUp(options.directory);
  return { socketPath, pid: present.pid, started };
}

/** Another starter's host may hold the lock and not listen yet. */
async function identifyWithin(
  socketPath: string,
  milliseconds: number,
): Promise<{ pid: number; version: number } | undefined> {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const present = await identify(socketPath);
    if (present !== undefined || performance.now() > deadline) return present;
    await delay(20);
  }
}

async function identify(socketPath: string): Promise<{ pid: number; version: number } | undefined> {
  try {
    const connection = await HostConnection.open(socketPath);
    const { pid, version } = connection.welcome;
    connection.close();
    return { pid, version };
  } catch {
    return undefined;
  }
}

async function replaceHost(socketPath: string): Promise<void> {
  const connection = await HostConnection.open(socketPath);
  connection.send({ type: 'shutdown' });
  const timer = setTimeout(() => connection.close(), REPLACE_MS);
  await connection.closed;
  clearTimeout(timer);
}

/** Spawns the daemon and waits for its word; false when another one was quicker. */
async function spawnDaemon({ directory, idleTimeoutMs }: StartHostOptions): Promise<boolean> {
  const settings = { directory, idleTimeoutMs: idleTimeoutMs ?? DEFAULT_IDLE_TIMEOUT_MS };
  const log = openSync(join(directory, 'host.log'), 'w', 0o600);
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      // docs/decisions/0009-collector-settings.md
      '--max-semi-space-size=1',
      mainPath(),
      JSON.stringify(settings),
    ],
    // None of the server's environment: it holds secrets, and the host passes on what each start gives it. Host and client
    // must mean the same temporary directory, where the socket of a directory with a long path is.
    {
      cwd: '/',
      env: { NODE_COMPILE_CACHE: compileCache(directory), TMPDIR: tmpdir() },
      detached: true,
      stdio: ['ignore', log, log, 'pipe'],
    },
  );
  closeSync(log);
  const ready = child.stdio[3];
  const word = await new Promise<string>((resolve) => {
    let text = '';
    const timer = setTimeout(() => resolve(''), READY_MS);
    const finish = () => {
      clearTimeout(timer);
      resolve(text.trim());
    };
    child.once('error', finish);
    ready?.on('data', (data: Buffer) => {
      text += data.toString('latin1');
    });
    ready?.once('close', finish);
  });
  child.unref();
  ready?.destroy();
  if (word !== 'ready' && word !== 'occupied') throw notUp(directory);
  return word === 'ready';
}

/**
 * Where Node keeps what it made of the sources: with it a host starts in half the time and without the type stripper, whose
 * memory would make every fork slower. Who starts it may have one already.
 */
function compileCache(directory: string): string {
  const own = getCompileCacheDir();
  // Below it Node keeps one for each of its versions.
  return own === undefined ? join(directory, 'compile-cache') : dirname(own);
}

function mainPath(): string {
  return fileURLToPath(siblingModule('./process-host', import.meta.url));
}

function notUp(directory: string): ShadowError {
  return new ShadowError(
    'UNAVAILABLE',
    `The process host did not start; ${join(directory, 'host.log')} says why.`,
  );
}
