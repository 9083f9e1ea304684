import { join } from 'node:path';
import { type Controller, tryRead } from './cgroup-hierarchy.ts';
import type { UsageReading } from './usage.ts';

/** A group's directory for a controller; undefined for one that is not there. */
type DirectoryOf = (controller: Controller) => string | undefined;

/** What a control group of version 1 counts; its memory holds what the kernel has cached for it, up to the peak. */
export function version1Usage(directoryOf: DirectoryOf): UsageReading {
  const read = (controller: Controller, file: string) => readIn(directoryOf(controller), file);
  const nanoseconds = numberIn(read('cpuacct', 'cpuacct.usage'));
  const stat = read('memory', 'memory.stat');
  return known({
    cpuMs: nanoseconds === undefined ? undefined : Math.round(nanoseconds / 1_000_000),
    memoryBytes: without(
      numberIn(read('memory', 'memory.usage_in_bytes')),
      fieldIn(stat, 'total_inactive_file'),
    ),
    peakMemoryBytes: numberIn(read('memory', 'memory.max_usage_in_bytes')),
    processCount: numberIn(read('pids', 'pids.current')),
    ...blkioBytes(read('blkio', 'blkio.throttle.io_service_bytes_recursive')),
  });
}

/** What a control group of version 2 counts. */
export function version2Usage(directoryOf: DirectoryOf): UsageReading {
  const directory = directoryOf('memory');
  const read = (file: string) => readIn(directory, file);
  const microseconds = fieldIn(read('cpu.stat'), 'usage_usec');
  return known({
    cpuMs: microseconds === undefined ? undefined : Math.round(microseconds / 1000),
    memoryBytes: without(numberIn(read('memory.current')), fieldIn(read('memory.stat'), 'inactive_file')),
    peakMemoryBytes: numberIn(read('memory.peak')),
    processCount: numberIn(read('pids.current')),
    ...ioBytes(read('io.stat')),
  });
}

/** Lines of `major:minor Read bytes` and `major:minor Write bytes`; a disk appears once something was done on it. */
function blkioBytes(text: string): UsageReading {
  if (text === '') return {};
  return { readBytes: sumIn(text, / Read (\d+)$/gm), writtenBytes: sumIn(text, / Write (\d+)$/gm) };
}

/** Lines of `major:minor rbytes=… wbytes=… …`. */
function ioBytes(text: string): UsageReading {
  if (text === '') return {};
  return { readBytes: sumIn(text, / rbytes=(\d+)/g), writtenBytes: sumIn(text, / wbytes=(\d+)/g) };
}

function sumIn(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
}

function fieldIn(text: string, name: string): number | undefined {
  return numberIn(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? '');
}

/** What the kernel gives back as soon as anybody needs memory is not counted as used. */
function without(bytes: number | undefined, idle: number | undefined): number | undefined {
  return bytes === undefined ? undefined : Math.max(0, bytes - (idle ?? 0));
}

function numberIn(text: string): number | undefined {
  const trimmed = text.trim();
  return /^\d+$/.test(trimmed) ? Number(trimmed) : undefined;
}

function readIn(directory: string | undefined, file: string): string {
  return directory === undefined ? '' : tryRead(join(directory, file));
}

function known(reading: { [Key in keyof UsageReading]: number | undefined }): UsageReading {
  return Object.fromEntries(Object.entries(reading).filter(([, value]) => value !== undefined));
}
