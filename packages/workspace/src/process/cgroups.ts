import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ResourceLimits } from '@shadow/protocol/process';
import {
  CGROUP_ROOT,
  type Controller,
  findHierarchy,
  GROUP_PREFIX,
  type Hierarchy,
  tryList,
  tryRead,
  tryWrite,
} from './cgroup-hierarchy.ts';
import { limitSettings } from './cgroup-limits.ts';
import { version1Usage, version2Usage } from './cgroup-usage.ts';
import { isSameProcess, processStartTime } from './group.ts';
import type { UsageReading } from './usage.ts';

/** More than any disk does: only asks whether a rate can be set at all. */
const ANY_RATE = 2 ** 40;

/** Where control groups are looked for. */
export interface CgroupPlace {
  /** Where they are mounted; default /sys/fs/cgroup. */
  root?: string;
  /** Lines that say in which groups this process is; default /proc/self/cgroup. */
  ownGroups?: string;
}

/** Control groups made for commands with limits (cgroups(7)). */
export class Cgroups {
  readonly version: 1 | 2;
  readonly #hierarchy: Hierarchy;
  readonly #host = `${process.pid}-${processStartTime(process.pid) ?? 0}`;
  #count = 0;

  private constructor(hierarchy: Hierarchy) {
    this.version = hierarchy.version;
    this.#hierarchy = hierarchy;
  }

  /** The hierarchy this process may make groups in; undefined where it may not. Removes what dead hosts left. */
  static find({
    root = CGROUP_ROOT,
    ownGroups = tryRead('/proc/self/cgroup'),
  }: CgroupPlace = {}): Cgroups | undefined {
    const hierarchy = findHierarchy(root, ownGroups);
    if (hierarchy === undefined) return undefined;
    for (const base of new Set(Object.values(hierarchy.bases))) removeStale(base);
    return new Cgroups(hierarchy);
  }

  /**
   * Makes a group with these limits. A limit that its controller refuses (disk I/O on a file system without a device) does
   * not hold; the others do.
   *
   * @param path a file on the disk whose use is limited
   * @throws the system's error when no group can be made
   */
  create(limits: ResourceLimits, path: string): Cgroup {
    const group = this.#make();
    for (const [controller, file, value] of limitSettings(this.version, limits, path)) {
      group.set(controller, file, value);
    }
    return group;
  }

  /** Whether reading and writing on the disk of this path can be limited. */
  canLimitDisk(path: string): boolean {
    let group: Cgroup;
    try {
      group = this.#make();
    } catch {
      return false;
    }
    const settings = limitSettings(this.version, { diskBytesPerSecond: ANY_RATE }, path);
    const isTaken = settings.every(([controller, file, value]) => group.set(controller, file, value));
    void group.remove();
    return isTaken;
  }

  #make(): Cgroup {
    this.#count += 1;
    const name = `${GROUP_PREFIX}${this.#host}-${this.#count}`;
    const group = new Cgroup(this.#hierarchy, name);
    for (const directory of group.directories) mkdirSync(directory);
    return group;
  }
}

/** One command's group. */
export class Cgroup {
  /** Each once: controllers may share one. */
  readonly directories: readonly string[];
  readonly #hierarchy: Hierarchy;
  readonly #name: string;

  constructor(hierarchy: Hierarchy, name: string) {
    this.#hierarchy = hierarchy;
    this.#name = name;
    this.directories = [...new Set(Object.values(hierarchy.bases))].map((base) => join(base, name));
  }

  /** Writes a control file. @returns whether it was taken */
  set(controller: Controller, file: string, value: string): boolean {
    const directory = this.#directoryOf(controller);
    return directory !== undefined && tryWrite(join(directory, file), value);
  }

  /** @throws the system's error when the process cannot be moved */
  add(pid: number): void {
    for (const directory of this.directories) writeFileSync(join(directory, 'cgroup.procs'), String(pid));
  }

  /** What everything that ever was in the group has used. */
  usage(): UsageReading {
    const directoryOf = (controller: Controller) => this.#directoryOf(controller);
    return this.#hierarchy.version === 1 ? version1Usage(directoryOf) : version2Usage(directoryOf);
  }

  /** Kills what is still inside, however far it went from its process group, and removes the group. */
  async remove(): Promise<void> {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const members = new Set(this.directories.flatMap(membersOf));
      for (const pid of members) tryKill(pid);
      if (members.size === 0 && this.directories.every(tryRemove)) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  #directoryOf(controller: Controller): string | undefined {
    const base = this.#hierarchy.bases[controller];
    return base === undefined ? undefined : join(base, this.#name);
  }
}

function removeStale(base: string): void {
  for (const name of tryList(base)) {
    const [, pid, startTime] = /^shadow-(\d+)-(\d+)-\d+$/.exec(name) ?? [];
    if (pid === undefined || isSameProcess(Number(pid), startTime ?? null)) continue;
    for (const member of membersOf(join(base, name))) tryKill(member);
    tryRemove(join(base, name));
  }
}

function membersOf(directory: string): number[] {
  return tryRead(join(directory, 'cgroup.procs')).split('\n').filter(Boolean).map(Number);
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone meanwhile.
  }
}

function tryRemove(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch {
    return !existsSync(directory);
  }
}
