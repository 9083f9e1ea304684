import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createInProcessHost } from '../../src/host/index.ts';
import { findHierarchy } from '../../src/process/cgroup-hierarchy.ts';
import { Cgroup, Cgroups } from '../../src/process/cgroups.ts';
import { createProcessOperations } from '../../src/process/index.ts';
import { makeSandbox, run } from './harness.ts';

const MIB = 1024 * 1024;
const LIMITS = { memoryBytes: 64 * MIB, maxProcesses: 20, cpuCores: 1.5, diskBytesPerSecond: 3 * MIB };

let root: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cgroups-'));
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(root, { recursive: true, force: true });
});

function sleeper(): { pid: number; ended: Promise<string | null> } {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  children.push(child);
  return { pid: child.pid ?? 0, ended: new Promise((resolve) => child.once('exit', (_, by) => resolve(by))) };
}

/** A tree as version 2 shows it; plain files stand for the kernel's. */
function makeVersion2(controllers: string, own = '/service/main'): string {
  const parts = own.split('/').filter(Boolean);
  for (let depth = 0; depth <= parts.length; depth += 1) {
    const directory = join(root, ...parts.slice(0, depth));
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'cgroup.controllers'), `${controllers}\n`);
    writeFileSync(join(directory, 'cgroup.subtree_control'), '');
  }
  return `0::${own}\n`;
}

const groupIn = (base: string) => readdirSync(base).find((name) => name.startsWith('shadow-')) ?? '';
const textIn = (...path: string[]) => readFileSync(join(...path), 'utf8');

describe('control groups of version 2, on files that stand for the kernel’s', () => {
  it('are made below the own group, with every limit in its file', () => {
    const ownGroups = makeVersion2('cpuset cpu io memory pids');
    const groups = Cgroups.find({ root, ownGroups });
    expect(groups?.version).toBe(2);
    groups?.create(LIMITS, root);
    const base = join(root, 'service/main');
    const made = join(base, groupIn(base));
    expect(textIn(made, 'memory.max')).toBe(String(64 * MIB));
    expect(textIn(made, 'memory.swap.max')).toBe('0');
    expect(textIn(made, 'pids.max')).toBe('20');
    expect(textIn(made, 'cpu.max')).toBe('150000 100000');
    expect(textIn(made, 'io.max')).toMatch(/^\d+:\d+ rbps=3145728 wbps=3145728$/);
  });

  it('write no limit that was not asked for', () => {
    const ownGroups = makeVersion2('cpu io memory pids');
    Cgroups.find({ root, ownGroups })?.create({ maxProcesses: 5 }, root);
    const base = join(root, 'service/main');
    expect(readdirSync(join(base, groupIn(base)))).toEqual(['pids.max']);
  });

  it('are not used where memory or processes cannot be limited', () => {
    expect(Cgroups.find({ root, ownGroups: makeVersion2('cpu io hugetlb') })).toBeUndefined();
  });

  it('do without the disk’s controller where it is not there, and say so', () => {
    const ownGroups = makeVersion2('memory pids');
    const groups = Cgroups.find({ root, ownGroups });
    expect(groups?.canLimitDisk(root)).toBe(false);
    groups?.create(LIMITS, root);
    const base = join(root, 'service/main');
    const made = readdirSync(base).filter((name) => name.startsWith('shadow-'));
    expect(made.some((name) => existsSync(join(base, name, 'io.max')))).toBe(false);
    expect(made.some((name) => existsSync(join(base, name, 'cpu.max')))).toBe(false);
  });

  it('are made beside the own group where that one cannot have children with limits', () => {
    const ownGroups = makeVersion2('memory pids');
    // The kernel refuses it with EBUSY where a group holds processes; a directory refuses a write as well.
    rmSync(join(root, 'service/main/cgroup.subtree_control'));
    mkdirSync(join(root, 'service/main/cgroup.subtree_control'));
    Cgroups.find({ root, ownGroups })?.create(LIMITS, root);
    expect(groupIn(join(root, 'service/main'))).toBe('');
    expect(groupIn(join(root, 'service'))).not.toBe('');
  });

  it('are told of their processes', () => {
    const ownGroups = makeVersion2('memory pids');
    Cgroups.find({ root, ownGroups })?.create(LIMITS, root).add(4242);
    const base = join(root, 'service/main');
    expect(textIn(base, groupIn(base), 'cgroup.procs')).toBe('4242');
  });

  it('tell what was used', () => {
    const ownGroups = makeVersion2('cpu io memory pids');
    const group = Cgroups.find({ root, ownGroups })?.create({}, root);
    const files = {
      'cpu.stat': 'usage_usec 2500000\nuser_usec 2000000\n',
      'memory.current': '9000000\n',
      'memory.stat': 'anon 1\ninactive_file 2000000\n',
      'memory.peak': '12000000\n',
      'pids.current': '3\n',
      'io.stat': '8:0 rbytes=100 wbytes=200 rios=1 wios=1 dbytes=0 dios=0\n8:16 rbytes=10 wbytes=20 rios=1\n',
    };
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(group?.directories[0] ?? '', name), text);
    expect(group?.usage()).toEqual({
      cpuMs: 2500,
      memoryBytes: 7_000_000,
      peakMemoryBytes: 12_000_000,
      processCount: 3,
      readBytes: 110,
      writtenBytes: 220,
    });
  });

  it('kill who is inside when they are removed', async () => {
    const ownGroups = makeVersion2('memory pids');
    const group = Cgroups.find({ root, ownGroups })?.create({}, root);
    const { pid, ended } = sleeper();
    group?.add(pid);
    void group?.remove();
    expect(await ended).toBe('SIGKILL');
  });

  it('of a host that is gone are removed, with who is left in them', async () => {
    const ownGroups = makeVersion2('memory pids');
    const { pid, ended } = sleeper();
    const left = join(root, 'service/main', 'shadow-999999999-1-1');
    mkdirSync(left);
    writeFileSync(join(left, 'cgroup.procs'), `${pid}\n`);
    Cgroups.find({ root, ownGroups });
    expect(await ended).toBe('SIGKILL');
  });
});

/** Where a real version 2 can be written; on systems that still have version 1 it has no controllers left. */
const REAL = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find((path) => {
  const probe = join(path, `shadow-probe-test-${process.pid}`);
  try {
    if (!existsSync(join(path, 'cgroup.controllers'))) return false;
    mkdirSync(probe);
    rmdirSync(probe);
    return true;
  } catch {
    return false;
  }
});

describe('a real group of version 2', () => {
  it('counts its processes’ time and kills them', async ({ skip }) => {
    if (REAL === undefined) return skip('no control groups of version 2 can be written here');
    const group = new Cgroup({ version: 2, bases: { memory: REAL } }, `shadow-test-${process.pid}`);
    mkdirSync(group.directories[0] ?? '');
    const spinner = spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' });
    children.push(spinner);
    const ended = new Promise((resolve) => spinner.once('exit', (_, signal) => resolve(signal)));
    group.add(spinner.pid ?? 0);
    await expect.poll(() => group.usage().cpuMs, { timeout: 60_000 }).toBeGreaterThan(20);
    await group.remove();
    expect(await ended).toBe('SIGKILL');
    expect(existsSync(group.directories[0] ?? '')).toBe(false);
  });
});

describe('control groups of version 1', () => {
  it('are found by their controllers', () => {
    for (const controller of ['memory', 'pids', 'cpu'])
      mkdirSync(join(root, controller, 'mine'), { recursive: true });
    const found = findHierarchy(root, '3:memory:/mine\n2:pids:/mine\n1:cpu:/gone\n0::/\n');
    expect(found).toEqual({
      version: 1,
      bases: { memory: join(root, 'memory/mine'), pids: join(root, 'pids/mine'), cpu: join(root, 'cpu') },
    });
  });

  it('are not used where memory or processes cannot be limited', () => {
    mkdirSync(join(root, 'memory'));
    expect(findHierarchy(root, '')).toBeUndefined();
  });
});

describe('a limit of disk I/O', () => {
  it('slows a command down that writes past the caches, where it is said to hold', async ({ skip }) => {
    using sandbox = makeSandbox();
    const host = await createInProcessHost({ disk: sandbox.directory });
    try {
      if (!host.capabilities.diskLimits) return skip('disk I/O cannot be limited here');
      const operations = createProcessOperations(sandbox.context, host);
      const result = await run(operations, {
        command: 'dd if=/dev/zero of=file bs=256k count=12 oflag=direct',
        limits: { diskBytesPerSecond: MIB },
      });
      expect(result.process.exitCode, result.stderr).toBe(0);
      // 3 MiB at 1 MiB/s: no machine can be so slow that this is about anything but the limit.
      expect(result.durationMs).toBeGreaterThan(1500);
      expect(result.process.usage?.writtenBytes).toBeGreaterThanOrEqual(3 * MIB);
    } finally {
      await host.close();
    }
  });
});
