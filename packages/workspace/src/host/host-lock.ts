import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import * as z from 'zod';
import { isSameProcess, processStartTime } from '../process/group.ts';

const Holder = z.object({ pid: z.int(), startTime: z.string().nullable() });
const ATTEMPTS = 10;

/**
 * Takes the lock that makes a host the only one of its directory. It ends with its holder, however that one dies: a lock
 * whose process is gone (pid and start time) counts for nothing.
 *
 * @returns what gives the lock back, or undefined when a live process holds it
 */
export function takeHostLock(path: string): (() => void) | undefined {
  const mine = JSON.stringify({ pid: process.pid, startTime: processStartTime(process.pid) ?? null });
  const temporary = `${path}.${randomUUID()}`;
  writeFileSync(temporary, mine, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      if (linkExclusively(temporary, path)) return () => release(path, mine);
      const held = readLock(path);
      if (held !== undefined && isHeld(held)) return undefined;
      if (held !== undefined) setAside(path, held);
    }
    return undefined;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function linkExclusively(existing: string, path: string): boolean {
  try {
    linkSync(existing, path);
    return true;
  } catch {
    return false;
  }
}

/** Moves a stale lock away; when a new holder was quicker, and it is that one's we moved, it gets it back. */
function setAside(path: string, stale: string): void {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (readLock(aside) !== stale) linkExclusively(aside, path);
  rmSync(aside, { force: true });
}

function release(path: string, mine: string): void {
  if (readLock(path) === mine) rmSync(path, { force: true });
}

function readLock(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function isHeld(text: string): boolean {
  try {
    const holder = Holder.parse(JSON.parse(text));
    return isSameProcess(holder.pid, holder.startTime);
  } catch {
    return false;
  }
}
