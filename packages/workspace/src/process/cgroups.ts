import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { ResourceLimits } from '@shadow/protocol/process';
import { isSameProcess, processStartTime } from './group.ts';

const MOUNT = '/sys/fs/cgroup';
const PREFIX = 'shadow-';
const CPU_PERIOD_US = 100_000;
const V1_CONTROLLERS = ['memory', 'pids', 'cpu', 'blkio'] as const;
/** Without these two a cgroup is not worth its price. */
const NEEDED = ['memory', 'pids'] as const;

type Controller = (typeof V1_CONTROLLERS)[number];

/** Where groups can be made: one directory per controller (version 1), or one for all (version 2). */
interface Hierarchy {
  version: 1 | 2;
  bases: Partial<Record<Controller, string>>;
}

/** Control groups made for commands with limits (cgroups(7)). */
export class Cgroups {
  readonly #hierarchy: Hierarchy;
  readonly #host = `${process.pid}-${processStartTime(process.pid) ?? 0}`;
  #count = 0;

  private constructor(hierarchy: Hierarchy) {
    this.#hierarchy = hierarchy;
  }

  /** The hierarchy this process may make groups in; undefined where it may not. Removes what dead hosts left. */
  static find(): Cgroups | undefined {
    const hierarchy = findVersion2() ?? findVersion1();
    if (hierarchy === undefined) return undefined;
    for (const base of Object.values(hierarchy.bases)) removeStale(base);
    return new Cgroups(hierarchy);
  }

  /**
   * Makes a group with these limits. A limit that its controller refuses (disk I/O on a file system without a device) does
   * not hold; the others do.
   *
   * @throws the system's error when no group can be made
   */
  create(limits: ResourceLimits, path: string): Cgroup {
    this.#count += 1;
    const name = `${PREFIX}${this.#host}-${this.#count}`;
    const directories = [...new Set(Object.values(this.#hierarchy.bases))].map((base) => join(base, name));
    for (const directory of directories) mkdirSync(directory);
    const group = new Cgroup(directories);
    const settings = this.#hierarchy.version === 2 ? version2(limits, path) : version1(limits, path);
    for (const [controller, file, value] of settings) {
      const base = this.#hierarchy.bases[controller];
      if (base !== undefined) tryWrite(join(base, name, file), value);
    }
    return group;
  }
}

/** One command's group. */
export class Cgroup {
  readonly #directories: readonly string[];

  constructor(directories: readonly string[]) {
    this.#directories = directories;
  }

  /** @throws the system's error when the process cannot be moved */
  add(pid: number): void {
    for (const directory of this.#directories) writeFileSync(join(directory, 'cgroup.procs'), String(pid));
  }

  /** Kills what is still inside, however far it went from its process group, and removes the group. */
  async remove(): Promise<void> {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const members = new Set(this.#directories.flatMap(membersOf));
      for (const pid of members) tryKill(pid);
      if (members.size === 0 && this.#directories.every(tryRemove)) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

type Setting = [controller: Controller, file: string, value: string];

function version1({ memoryBytes, maxProcesses, cpuCores, diskBytesPerSecond }: ResourceLimits, path: string) {
  const settings: Setting[] = [];
  if (memoryBytes !== undefined) {
    settings.push(['memory', 'memory.limit_in_bytes', String(memoryBytes)]);
    // Where swap is counted, it must not be the way out.
    settings.push(['memory', 'memory.memsw.limit_in_bytes', String(memoryBytes)]);
  }
  if (maxProcesses !== undefined) settings.push(['pids', 'pids.max', String(maxProcesses)]);
  if (cpuCores !== undefined) {
    settings.push(['cpu', 'cpu.cfs_period_us', String(CPU_PERIOD_US)]);
    settings.push(['cpu', 'cpu.cfs_quota_us', String(Math.ceil(cpuCores * CPU_PERIOD_US))]);
  }
  if (diskBytesPerSecond !== undefined) {
    const rate = `${deviceOf(path)} ${diskBytesPerSecond}`;
    settings.push(['blkio', 'blkio.throttle.read_bps_device', rate]);
    settings.push(['blkio', 'blkio.throttle.write_bps_device', rate]);
  }
  return settings;
}

function version2({ memoryBytes, maxProcesses, cpuCores, diskBytesPerSecond }: ResourceLimits, path: string) {
  const settings: Setting[] = [];
  if (memoryBytes !== undefined) {
    settings.push(['memory', 'memory.max', String(memoryBytes)], ['memory', 'memory.swap.max', '0']);
  }
  if (maxProcesses !== undefined) settings.push(['pids', 'pids.max', String(maxProcesses)]);
  if (cpuCores !== undefined) {
    settings.push(['cpu', 'cpu.max', `${Math.ceil(cpuCores * CPU_PERIOD_US)} ${CPU_PERIOD_US}`]);
  }
  if (diskBytesPerSecond !== undefined) {
    const rate = `${deviceOf(path)} rbps=${diskBytesPerSecond} wbps=${diskBytesPerSecond}`;
    settings.push(['blkio', 'io.max', rate]);
  }
  return settings;
}

/** Throttling works on whole disks: of a partition, the disk that it is part of. */
function deviceOf(path: string): string {
  const { dev } = statSync(path);
  const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)];
  try {
    const device = realpathSync(`/sys/dev/block/${major}:${minor}`);
    const disk = existsSync(join(device, 'partition')) ? dirname(device) : device;
    return readFileSync(join(disk, 'dev'), 'utf8').trim();
  } catch {
    return `${major}:${minor}`;
  }
}

function findVersion2(): Hierarchy | undefined {
  if (!existsSync(join(MOUNT, 'cgroup.controllers'))) return undefined;
  const own = join(MOUNT, ownPath('') ?? '/');
  // A group with processes of its own cannot have limited children, unless it is the root: then beside it.
  for (const base of [own, dirname(own)]) {
    if (!base.startsWith(MOUNT)) continue;
    tryWrite(join(base, 'cgroup.subtree_control'), '+memory +pids +cpu +io');
    const enabled = tryRead(join(base, 'cgroup.subtree_control'))?.trim().split(/\s+/) ?? [];
    if (!NEEDED.every((controller) => enabled.includes(controller)) || !isWritable(base)) continue;
    return { version: 2, bases: Object.fromEntries(V1_CONTROLLERS.map((controller) => [controller, base])) };
  }
  return undefined;
}

function findVersion1(): Hierarchy | undefined {
  const bases: Partial<Record<Controller, string>> = {};
  for (const controller of V1_CONTROLLERS) {
    const mount = join(MOUNT, controller);
    const base = [join(mount, ownPath(controller) ?? '/'), mount].find(isWritable);
    if (base !== undefined) bases[controller] = base;
  }
  return NEEDED.every((controller) => bases[controller] !== undefined) ? { version: 1, bases } : undefined;
}

/** This process's group, from lines of `number:controllers:path`. */
function ownPath(controller: string): string | undefined {
  const lines = tryRead('/proc/self/cgroup')?.split('\n') ?? [];
  const line = lines.find((candidate) => (candidate.split(':')[1] ?? '').split(',').includes(controller));
  return line?.split(':').slice(2).join(':');
}

function isWritable(base: string): boolean {
  const probe = join(base, `${PREFIX}probe-${process.pid}`);
  try {
    mkdirSync(probe);
    rmdirSync(probe);
    return true;
  } catch {
    return false;
  }
}

function removeStale(base: string): void {
  for (const name of readdirSync(base)) {
    const [, pid, startTime] = /^shadow-(\d+)-(\d+)-\d+$/.exec(name) ?? [];
    if (pid === undefined || isSameProcess(Number(pid), startTime ?? null)) continue;
    for (const member of membersOf(join(base, name))) tryKill(member);
    tryRemove(join(base, name));
  }
}

function membersOf(directory: string): number[] {
  const text = tryRead(join(directory, 'cgroup.procs')) ?? '';
  return text.split('\n').filter(Boolean).map(Number);
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

function tryWrite(path: string, value: string): void {
  try {
    writeFileSync(path, value);
  } catch {
    // A controller that is not there, or does not take this value: that limit does not hold.
  }
}

function tryRead(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
