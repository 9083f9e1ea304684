import { spawn } from 'node:child_process';
import { closeSync, constants, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { platform } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { DatabaseError, errorCode, errorMessage } from '../errors.ts';
import { CHILD_ENVIRONMENT } from './identity.ts';

/** A lock that this process holds until it lets go or dies, however it dies. */
export interface HomeLock extends Disposable {
  /** Lets go; safe to call twice. */
  release(): void;
}

const Holder = z.object({ pid: z.number().int().positive() });

/** open(2) flags of macOS that lock like flock (sys/fcntl.h); other platforms lock through flock(1). */
const O_EXLOCK = 0x20;
const O_NONBLOCK = 0x4;
/** Exit status of `flock --nonblock` when another holds the lock (flock(1)). */
const CONFLICT = 1;

/**
 * Makes this process the only server of a SHADOW_HOME. The kernel holds the lock on behalf of the open file, so the
 * death of the process frees it at once, `kill -9` included, and no stale file can be mistaken for it.
 * @param home absolute path; created (mode 0700) when missing
 * @param name file in it
 * @throws DatabaseError HOME_IN_USE with `details.pid`, or HOME_UNUSABLE
 */
export async function acquireHomeLock(home: string, name = 'server.lock'): Promise<HomeLock> {
  const path = join(home, name);
  const fd = openLockFile(home, path);
  if (fd === undefined || !(await lock(home, fd))) {
    if (fd !== undefined) closeSync(fd);
    throw inUse(home, path);
  }
  ftruncateSync(fd);
  writeSync(fd, JSON.stringify({ pid: process.pid }), 0);
  let held = true;
  const release = () => {
    if (held) closeSync(fd);
    held = false;
  };
  return { release, [Symbol.dispose]: release };
}

/** The open lock file; undefined when it is locked already. */
function openLockFile(home: string, path: string): number | undefined {
  const flags = constants.O_RDWR | constants.O_CREAT;
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    return openSync(path, platform() === 'darwin' ? flags | O_EXLOCK | O_NONBLOCK : flags, 0o600);
  } catch (error) {
    if (errorCode(error) === 'EAGAIN') return undefined;
    throw homeUnusable(home, error);
  }
}

/** flock(1) locks the open file that it inherits, which is ours: the lock stays when it exits. */
function lock(home: string, fd: number): Promise<boolean> {
  if (platform() === 'darwin') return Promise.resolve(true);
  return new Promise((resolve, reject) => {
    const child = spawn('flock', ['-n', '0'], { env: CHILD_ENVIRONMENT, stdio: [fd, 'ignore', 'ignore'] });
    child.once('error', (error) => {
      const message = `flock (of util-linux or busybox) cannot run: ${error.message}`;
      reject(new DatabaseError('EMBEDDED_UNAVAILABLE', message));
    });
    child.once('exit', (code) => {
      if (code === 0 || code === CONFLICT) return resolve(code === 0);
      reject(homeUnusable(home, new Error(`its file system cannot lock files (flock exited with ${code})`)));
    });
  });
}

function inUse(home: string, path: string): DatabaseError {
  const pid = readHolder(path);
  const who = pid === null ? 'another process' : `process ${pid}`;
  return new DatabaseError(
    'HOME_IN_USE',
    `${home} is in use by ${who}. Stop it first, or set SHADOW_HOME to another directory.`,
    { details: { home, pid } },
  );
}

function readHolder(path: string): number | null {
  try {
    return Holder.parse(JSON.parse(readFileSync(path, 'utf8'))).pid;
  } catch {
    // The holder has the lock and has not written its number yet.
    return null;
  }
}

/** Says that SHADOW_HOME itself is the problem. */
export function homeUnusable(home: string, error: unknown): DatabaseError {
  return new DatabaseError(
    'HOME_UNUSABLE',
    `${home} cannot be used as SHADOW_HOME: ${errorMessage(error)}. Give this user the right to write there, or set ` +
      'SHADOW_HOME to another directory.',
    { details: { home, reason: errorCode(error) }, cause: error },
  );
}
