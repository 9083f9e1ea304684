import { ShadowError } from '@shadow/protocol/errors';
import type { OutputStream, ResourceLimits } from '@shadow/protocol/process';
import { type Cgroup, type CgroupPlace, Cgroups } from './cgroups.ts';
import { type Child, type LaunchSpec, spawnOnPipes } from './child.ts';
import { ChildrenClock } from './children-clock.ts';
import { findExecutable, findShell } from './executables.ts';
import { bootId, isStopped, processStartTime } from './group.ts';
import { bubblewrapArguments, findBubblewrap } from './isolation.ts';
import { type PlainCommand, plainCommand } from './plain-command.ts';
import type { HostCapabilities, StartProcess } from './process-host.ts';
import { isPtyAvailable, spawnOnPty } from './pty-child.ts';
import type { UsageReading } from './usage.ts';

/** Holds a command back until it is in its control group; `$0` and what follows are the command. */
const HOLD = 'kill -STOP $$; exec "$0" "$@"';
const HOLD_MS = 5000;

/** What a launcher may use of the machine. */
export interface LauncherOptions {
  /** The strongest means of limits to look for; default `cgroup`. */
  limits?: 'cgroup' | 'rlimit' | 'none';
  /** Where control groups are; default the system's. */
  cgroups?: CgroupPlace;
  /** Absolute path on the disk that commands work on; default the working directory. */
  disk?: string;
}

interface Means {
  cgroups: Cgroups | undefined;
  prlimit: string | undefined;
  bubblewrap: string | undefined;
}

/** Turns requests into children, with the limits and the isolation that this machine has the means for. */
export class Launcher {
  /** Who writes the records: tells this host's processes from those of a dead one. */
  readonly hostIdentity = {
    pid: process.pid,
    startTime: processStartTime(process.pid) ?? null,
    bootId: bootId(),
  };
  readonly capabilities: HostCapabilities;
  readonly #clock = new ChildrenClock();
  readonly #means: Means;
  readonly #groups = new Map<number, Cgroup>();

  private constructor(means: Means, disk: string) {
    this.#means = means;
    this.capabilities = {
      limits: means.cgroups !== undefined ? 'cgroup' : means.prlimit !== undefined ? 'rlimit' : 'none',
      diskLimits: means.cgroups?.canLimitDisk(disk) ?? false,
      isolation: means.bubblewrap === undefined ? 'none' : 'bubblewrap',
      pty: isPtyAvailable(),
    };
  }

  /** Finds out what this machine offers. */
  static async create({
    limits = 'cgroup',
    cgroups = {},
    disk = process.cwd(),
  }: LauncherOptions = {}): Promise<Launcher> {
    const means = {
      cgroups: limits === 'cgroup' ? Cgroups.find(cgroups) : undefined,
      prlimit: limits === 'none' ? undefined : findExecutable('prlimit', undefined),
      bubblewrap: await findBubblewrap(),
    };
    return new Launcher(means, disk);
  }

  /**
   * @throws the system's error when the command cannot be started, ShadowError UNSUPPORTED when it must be isolated and
   * there is no means to
   */
  async launch(
    request: StartProcess,
    onOutput: (stream: OutputStream, data: Buffer) => void,
  ): Promise<Child> {
    const isLimited = Object.keys(request.limits ?? {}).length > 0;
    const isGrouped = isLimited && this.#means.cgroups !== undefined;
    const shell = findShell(request.env.PATH);
    const prefix = [
      ...(isGrouped ? ['/bin/sh', '-c', HOLD] : []),
      ...(isLimited && !isGrouped ? this.#rlimitPrefix(request.limits) : []),
      ...this.#isolationPrefix(request),
    ];
    const [file = '', ...args] = [...prefix, shell, '-c', request.command];
    const spec: LaunchSpec = {
      file,
      args,
      cwd: request.cwd,
      env: request.env,
      stdin: request.stdin !== undefined || request.isBackground ? 'pipe' : 'ignore',
      onOutput,
      ...(request.runAs === undefined ? {} : { runAs: request.runAs }),
      ...(request.pty === undefined ? {} : { pty: request.pty }),
    };
    const plain = prefix.length > 0 || request.pty !== undefined ? undefined : plainCommand(shell, request);
    const child = plain === undefined ? await spawned(spec) : await spawnedPlain(spec, plain);
    this.#clock.began(child.pid);
    if (isGrouped) await this.#confine(child, request);
    return child;
  }

  /** What a child's control group has counted so far; undefined for a child without one. */
  groupUsage(pid: number): UsageReading | undefined {
    return this.#groups.get(pid)?.usage();
  }

  /** Told as soon as a child has ended. @returns its processor time in milliseconds, where the system tells */
  exited(pid: number): number | undefined {
    return this.#clock.ended(pid);
  }

  /** Told when nothing of a child's group is left: its control group goes, with whoever left the process group. */
  async ended(pid: number): Promise<void> {
    const group = this.#groups.get(pid);
    this.#groups.delete(pid);
    await group?.remove();
  }

  async #confine(child: Child, { limits, root }: StartProcess): Promise<void> {
    try {
      await held(child);
      const group = this.#means.cgroups?.create(limits ?? {}, root);
      if (group !== undefined) this.#groups.set(child.pid, group);
      group?.add(child.pid);
      process.kill(child.pid, 'SIGCONT');
    } catch (error) {
      process.kill(child.pid, 'SIGKILL');
      await this.ended(child.pid);
      throw error;
    }
  }

  #rlimitPrefix(limits: ResourceLimits | undefined): string[] {
    const { prlimit } = this.#means;
    if (prlimit === undefined) return [];
    const options: string[] = [];
    // The nearest that setrlimit(2) has: address space for memory, processes of the whole user for processes.
    if (limits?.memoryBytes !== undefined) options.push(`--as=${limits.memoryBytes}`);
    if (limits?.maxProcesses !== undefined) options.push(`--nproc=${limits.maxProcesses}`);
    return options.length === 0 ? [] : [prlimit, ...options];
  }

  #isolationPrefix(request: StartProcess): string[] {
    if (request.isolation === undefined) return [];
    const { bubblewrap } = this.#means;
    if (bubblewrap === undefined) {
      throw new ShadowError(
        'UNSUPPORTED',
        'Commands are to be isolated, but bubblewrap does not work on this machine.',
      );
    }
    return [bubblewrap, ...bubblewrapArguments(request)];
  }
}

async function spawned(spec: LaunchSpec): Promise<Child> {
  return spec.pty === undefined ? await spawnOnPipes(spec) : await spawnOnPty(spec);
}

/** Without the shell; what the system refuses is the shell's to report. */
async function spawnedPlain(spec: LaunchSpec, plain: PlainCommand): Promise<Child> {
  try {
    return await spawnOnPipes({ ...spec, ...plain });
  } catch {
    return await spawned(spec);
  }
}

/** Waits until the child has stopped itself. */
async function held(child: Child): Promise<void> {
  const deadline = performance.now() + HOLD_MS;
  while (!isStopped(child.pid)) {
    if (performance.now() > deadline)
      throw new ShadowError('SPAWN_FAILED', 'The command could not be held back.');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
