import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ResourceLimits } from '@shadow/protocol/process';
import type { Controller } from './cgroup-hierarchy.ts';

const CPU_PERIOD_US = 100_000;

/** A value for a control file. */
export type Setting = readonly [controller: Controller, file: string, value: string];

/**
 * What has to be written to hold these limits.
 *
 * @param version of the hierarchy
 * @param path a file on the disk whose reading and writing is limited
 */
export function limitSettings(version: 1 | 2, limits: ResourceLimits, path: string): Setting[] {
  return version === 1 ? version1(limits, path) : version2(limits, path);
}

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
