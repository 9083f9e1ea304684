import { readdir, readFile, readlink, realpath, rm } from 'node:fs/promises';
import { platform } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseError, errorCode } from '../errors.ts';

/** How often a process that is not our child is looked at, ms: there is no event for its end. */
const POLL_MS = 25;
/** How long an earlier server may take for its shutdown checkpoint, ms, before it is stopped without one. */
const FAST_SHUTDOWN_MS = 60_000;
const IMMEDIATE_SHUTDOWN_MS = 10_000;

/**
 * Ends what an earlier run left running on a data directory: a server whose supervisor was killed too, one that is
 * still shutting down, or workers that outlived it. Then removes a postmaster.pid that names somebody else's process,
 * which PostgreSQL itself would take for a running server (in containers process numbers repeat).
 * The caller holds the lock on the home, so whatever runs there is not in use.
 * @throws DatabaseError EMBEDDED_START_FAILED when a process does not end
 */
export async function stopLeftovers(directory: string): Promise<void> {
  const dataDirectory = await realpath(directory);
  const pidFile = await readPidFile(dataDirectory);
  if (pidFile === undefined) return;
  // SIGINT is PostgreSQL's fast shutdown, SIGQUIT the one that leaves recovery to the next start.
  const ended =
    (await endAll(dataDirectory, 'SIGINT', FAST_SHUTDOWN_MS)) ||
    (await endAll(dataDirectory, 'SIGQUIT', IMMEDIATE_SHUTDOWN_MS)) ||
    (await endAll(dataDirectory, 'SIGKILL', IMMEDIATE_SHUTDOWN_MS));
  if (!ended) {
    const message = `An earlier PostgreSQL (process ${pidFile}) still runs on ${dataDirectory} and does not stop.`;
    throw new DatabaseError('EMBEDDED_START_FAILED', message, { details: { pid: pidFile } });
  }
  // Elsewhere only PostgreSQL can tell whether workers are left, and does.
  if (platform() === 'linux') await rm(join(dataDirectory, 'postmaster.pid'), { force: true });
}

/** Signals the processes of a data directory once each and waits; false when some are left after `deadlineMs`. */
async function endAll(dataDirectory: string, signal: NodeJS.Signals, deadlineMs: number): Promise<boolean> {
  const deadline = Date.now() + deadlineMs;
  const postmaster = await readPidFile(dataDirectory);
  let signalled = false;
  for (;;) {
    const pids = await processesIn(dataDirectory);
    if (pids.length === 0) return true;
    if (!signalled) {
      // The server ends its own workers; they are signalled themselves only when it is gone.
      const server = pids.filter((pid) => pid === postmaster);
      for (const pid of server.length > 0 && signal !== 'SIGKILL' ? server : pids) send(pid, signal);
      signalled = true;
    }
    if (Date.now() > deadline) return false;
    await delay(POLL_MS);
  }
}

/** Processes that work in the directory: every process of PostgreSQL has its data directory as its own. */
async function processesIn(dataDirectory: string): Promise<number[]> {
  if (platform() !== 'linux') {
    const pid = await readPidFile(dataDirectory);
    return pid !== undefined && isAlive(pid) ? [pid] : [];
  }
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    names.map(async (name) => (await workingDirectory(name)) === dataDirectory),
  );
  return names.filter((_, index) => found[index]).map(Number);
}

async function workingDirectory(pid: string): Promise<string | undefined> {
  try {
    return await readlink(join('/proc', pid, 'cwd'));
  } catch {
    // Ended meanwhile, or another user's, which then cannot be ours.
    return undefined;
  }
}

async function readPidFile(dataDirectory: string): Promise<number | undefined> {
  try {
    const pid = Number.parseInt(await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8'), 10);
    return Number.isNaN(pid) ? undefined : pid;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}
