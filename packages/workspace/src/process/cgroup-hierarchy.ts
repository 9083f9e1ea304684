import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where control groups are mounted. */
export const CGROUP_ROOT = '/sys/fs/cgroup';
/** Every group of ours begins so. */
export const GROUP_PREFIX = 'shadow-';

const CONTROLLERS = ['memory', 'pids', 'cpu', 'cpuacct', 'blkio'] as const;
/** Without these two a cgroup is not worth its price. */
const NEEDED = ['memory', 'pids'] as const;
/** What version 2 calls them; processor time is counted there without any controller. */
const VERSION_2_NAMES = { memory: 'memory', pids: 'pids', cpu: 'cpu', cpuacct: undefined, blkio: 'io' };

/** A controller by its name of version 1. */
export type Controller = (typeof CONTROLLERS)[number];

/** Where groups can be made: a directory for each controller (version 1), or one for all (version 2). */
export interface Hierarchy {
  readonly version: 1 | 2;
  /** A controller that is missing here limits and counts nothing. */
  readonly bases: Readonly<Partial<Record<Controller, string>>>;
}

/**
 * The hierarchy in which this process may make groups; undefined where it may not (cgroups(7)).
 *
 * @param root where control groups are mounted
 * @param ownGroups text of /proc/self/cgroup
 */
export function findHierarchy(root: string, ownGroups: string): Hierarchy | undefined {
  return findVersion2(root, ownGroups) ?? findVersion1(root, ownGroups);
}

function findVersion2(root: string, ownGroups: string): Hierarchy | undefined {
  if (!existsSync(join(root, 'cgroup.controllers'))) return undefined;
  const own = join(root, ownPath(ownGroups, '') ?? '/');
  // A group with processes of its own cannot have limited children, unless it is the root: then beside it.
  for (const base of [own, dirname(own)]) {
    if (base !== root && !base.startsWith(`${root}/`)) continue;
    const enabled = enableControllers(base);
    if (!NEEDED.every((controller) => enabled.has(controller)) || !isWritable(base)) continue;
    const usable = CONTROLLERS.filter((controller) => enabled.has(VERSION_2_NAMES[controller] ?? 'memory'));
    return { version: 2, bases: Object.fromEntries(usable.map((controller) => [controller, base])) };
  }
  return undefined;
}

/** Lets the children of a group use as many controllers as it has itself. */
function enableControllers(base: string): ReadonlySet<string> {
  const file = join(base, 'cgroup.subtree_control');
  const words = (text: string) => text.split(/\s+/).filter(Boolean);
  const enabled = new Set(words(tryRead(file)));
  const available = new Set(words(tryRead(join(base, 'cgroup.controllers'))));
  for (const name of Object.values(VERSION_2_NAMES)) {
    // One at a time: a write that names one that cannot be had changes nothing.
    if (name === undefined || enabled.has(name) || !available.has(name)) continue;
    if (tryWrite(file, `+${name}`)) enabled.add(name);
  }
  return enabled;
}

function findVersion1(root: string, ownGroups: string): Hierarchy | undefined {
  const bases: Partial<Record<Controller, string>> = {};
  for (const controller of CONTROLLERS) {
    const mount = join(root, controller);
    const base = [join(mount, ownPath(ownGroups, controller) ?? '/'), mount].find(isWritable);
    if (base !== undefined) bases[controller] = base;
  }
  return NEEDED.every((controller) => bases[controller] !== undefined) ? { version: 1, bases } : undefined;
}

/** This process's group, from lines of `number:controllers:path`. */
function ownPath(ownGroups: string, controller: string): string | undefined {
  const line = ownGroups
    .split('\n')
    .find((candidate) => (candidate.split(':')[1] ?? '-').split(',').includes(controller));
  return line?.split(':').slice(2).join(':');
}

function isWritable(base: string): boolean {
  const probe = join(base, `${GROUP_PREFIX}probe-${process.pid}`);
  try {
    mkdirSync(probe);
    rmdirSync(probe);
    return true;
  } catch {
    return false;
  }
}

/** Text of a control file; empty when it is not there. */
export function tryRead(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Whether a control file took the value: it may be missing, or not take this one. */
export function tryWrite(path: string, value: string): boolean {
  try {
    writeFileSync(path, value);
    return true;
  } catch {
    return false;
  }
}

/** Names in a directory; none when it is not there. */
export function tryList(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
