import { readFileSync } from 'node:fs';
import type { SignalName } from '@shadow/protocol/process';
import { inGroup, readProcessTable, readStat } from './process-table.ts';

/** From TERM to KILL. */
export const KILL_GRACE_MS = 2000;
const FIRST_POLL_MS = 2;
const LAST_POLL_MS = 50;

/** When a process began, in the kernel's clock ticks; tells a pid from its later reuse. Undefined when it is gone. */
export function processStartTime(pid: number): string | undefined {
  return readStat(pid)?.startTime;
}

/** Names the system's present run: process ids of another one mean nothing now. Null where the system has none. */
export function bootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return null;
  }
}

/** Whether a process has been stopped by a signal. */
export function isStopped(pid: number): boolean {
  return readStat(pid)?.state === 'T';
}

/** Whether the process that began at `startTime` is still the one with this pid. */
export function isSameProcess(pid: number, startTime: string | null): boolean {
  if (startTime === null) return false;
  const stat = readStat(pid);
  return stat !== undefined && stat.startTime === startTime && stat.state !== 'Z';
}

/** Live members of a process group and of the session it leads. */
function groupMembers(leader: number): number[] {
  const table = readProcessTable();
  if (table === undefined) return signalGroup(leader, 0) ? [leader] : [];
  return inGroup(table, leader).map(({ pid }) => pid);
}

/**
 * Signals a group that runs inside bubblewrap, bubblewrap itself and the first process inside left out: they would die of
 * what the command may handle, and their death is the command's.
 */
function signalInside(leader: number, signal: SignalName): boolean {
  const inside = groupMembers(leader).filter((pid) => nameOf(pid) !== 'bwrap' && !isFirstInside(pid));
  for (const pid of inside) signalOne(pid, signal);
  return inside.length > 0;
}

/** Signals a whole group; false when no such group is left. Signal 0 only asks. */
export function signalGroup(leader: number, signal: SignalName | 0): boolean {
  try {
    process.kill(-leader, signal);
    return true;
  } catch (error) {
    // EPERM: it exists, but has become somebody else's (sudo); it is there all the same.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * Signals a group as soon as it is there: between its fork and its setsid() a child is still in the group of its parent.
 *
 * @param leader pid of the child that leads the group, or is about to
 * @returns false when no such group is left
 */
export async function signalGroupSoon(leader: number, signal: SignalName | 0): Promise<boolean> {
  while (!signalGroup(leader, signal)) {
    const stat = readStat(leader);
    if (stat === undefined || stat.state === 'Z' || stat.group === leader) return signalGroup(leader, signal);
    await new Promise((resolve) => setTimeout(resolve, FIRST_POLL_MS));
  }
  return true;
}

function signalMembers(leader: number, signal: SignalName): void {
  signalGroup(leader, signal);
  for (const pid of groupMembers(leader)) signalOne(pid, signal);
}

/** Signals one process; nothing happens when it is gone meanwhile. */
export function signalOne(pid: number, signal: SignalName): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone meanwhile, or somebody else's.
  }
}

/** Whether a process is the first one of a namespace below ours (NSpid of proc(5) ends in 1). */
function isFirstInside(pid: number): boolean {
  try {
    return /^NSpid:\t\d+.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'latin1').trim();
  } catch {
    return '';
  }
}

/**
 * Ends a process group and its session: TERM, then KILL for what is left after the grace.
 *
 * @param leader pid of the group's leader, which began the group
 * @param graceMs from TERM to KILL
 * @param isInside the group runs inside bubblewrap
 * @returns whether nothing of it is left (a process of another user can't be killed)
 */
export async function killGroup(
  leader: number,
  graceMs: number = KILL_GRACE_MS,
  isInside = false,
): Promise<boolean> {
  await signalGroupSoon(leader, 0);
  if (isInside) await signalInsideSoon(leader, 'SIGTERM', graceMs);
  else signalMembers(leader, 'SIGTERM');
  // A stopped process would sit on its TERM.
  signalMembers(leader, 'SIGCONT');
  if (await groupGone(leader, graceMs)) return true;
  signalMembers(leader, 'SIGKILL');
  return await groupGone(leader, KILL_GRACE_MS);
}

/**
 * Signals what runs inside bubblewrap as soon as it is there: bubblewrap may not have started its command yet.
 * @returns whether there was something to signal in time
 */
export async function signalInsideSoon(
  leader: number,
  signal: SignalName,
  withinMs: number = KILL_GRACE_MS,
): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (!signalInside(leader, signal)) {
    if (!isGroupAlive(leader) || performance.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, FIRST_POLL_MS));
  }
  return true;
}

/** Waits until no live member is left, or the time is over. */
export async function groupGone(leader: number, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  let delay = FIRST_POLL_MS;
  while (isGroupAlive(leader)) {
    if (performance.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, delay));
    delay = Math.min(delay * 2, LAST_POLL_MS);
  }
  return true;
}

/** Whether the group or its session has a live member. */
export function isGroupAlive(leader: number): boolean {
  return groupMembers(leader).length > 0;
}
