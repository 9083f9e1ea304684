import { readFileSync } from 'node:fs';
import type { ResourceUsage } from '@shadow/protocol/process';
import { inGroup, type ProcessStat, readProcessTable, withDescendants } from './process-table.ts';

/** What can be told of a moment; a part that a source does not know is left out. */
export type UsageReading = Partial<ResourceUsage>;

const KIB = 1024;

/**
 * Keeps what is known of one process's use of the machine, together with everything it started: the sum over its process
 * group, session and descendants, or what its control group counts. Looks only when it is asked.
 */
export class UsageMeter {
  #seen: UsageReading = {};

  /**
   * Looks now.
   *
   * @param leader pid of the process
   * @param grouped what its control group says; undefined where it has none
   * @param table the system's processes, where somebody has read them already
   * @returns undefined where the system tells nothing
   */
  look(
    leader: number,
    grouped: UsageReading | undefined,
    table: readonly ProcessStat[] | undefined = readProcessTable(),
  ): ResourceUsage | undefined {
    if (table === undefined && grouped === undefined) return undefined;
    const members = table === undefined ? [] : withDescendants(table, inGroup(table, leader));
    const summed = sumOf(members);
    this.#note(summed);
    if (grouped !== undefined) this.#note(grouped);
    const now = { ...summed, ...grouped };
    return this.#usage(now.memoryBytes ?? 0, now.processCount ?? 0);
  }

  /**
   * What the process has used once nothing of it is left.
   *
   * @param grouped what its control group said last
   * @param leaderMs processor time of its leader and those that the leader waited for
   */
  end(grouped: UsageReading | undefined, leaderMs: number | undefined): ResourceUsage | undefined {
    if (grouped !== undefined) this.#note(grouped);
    if (leaderMs !== undefined) this.#note({ cpuMs: Math.round(leaderMs) });
    return this.#seen.cpuMs === undefined ? undefined : this.#usage(0, 0);
  }

  /** Counters never fall: of a process that is gone the sum no longer knows. */
  #note(reading: UsageReading): void {
    const peakMemoryBytes = larger(reading.peakMemoryBytes, reading.memoryBytes);
    this.#seen = {
      ...present('cpuMs', larger(this.#seen.cpuMs, reading.cpuMs)),
      ...present('peakMemoryBytes', larger(this.#seen.peakMemoryBytes, peakMemoryBytes)),
      ...present('readBytes', larger(this.#seen.readBytes, reading.readBytes)),
      ...present('writtenBytes', larger(this.#seen.writtenBytes, reading.writtenBytes)),
    };
  }

  #usage(memoryBytes: number, processCount: number): ResourceUsage {
    return { ...this.#seen, cpuMs: this.#seen.cpuMs ?? 0, memoryBytes, processCount };
  }
}

function sumOf(members: readonly ProcessStat[]): UsageReading {
  let memoryBytes = 0;
  let peak = 0;
  let cpuMs = 0;
  const disk = { read: 0, written: 0, isKnown: members.length > 0 };
  for (const { pid, cpuMs: used } of members) {
    cpuMs += used;
    const memory = memoryOf(pid);
    memoryBytes += memory.now;
    // Peaks of several need not have been at one time: only that of each alone is certain.
    peak = Math.max(peak, memory.peak);
    const io = diskOf(pid);
    disk.read += io?.read ?? 0;
    disk.written += io?.written ?? 0;
    disk.isKnown &&= io !== undefined;
  }
  if (members.length === 0) return { memoryBytes: 0, processCount: 0 };
  return {
    cpuMs,
    memoryBytes,
    peakMemoryBytes: Math.max(peak, memoryBytes),
    processCount: members.length,
    ...(disk.isKnown ? { readBytes: disk.read, writtenBytes: disk.written } : {}),
  };
}

/** Resident memory; pages that several processes share count for each. */
function memoryOf(pid: number): { now: number; peak: number } {
  const text = tryRead(`/proc/${pid}/status`);
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * KIB;
  return { now: kib('VmRSS'), peak: kib('VmHWM') };
}

/** What went to and came from storage, for the children waited for too; only the same user and root may know. */
function diskOf(pid: number): { read: number; written: number } | undefined {
  const text = tryRead(`/proc/${pid}/io`);
  const read = /^read_bytes: (\d+)/m.exec(text)?.[1];
  const written = /^write_bytes: (\d+)/m.exec(text)?.[1];
  return read === undefined || written === undefined
    ? undefined
    : { read: Number(read), written: Number(written) };
}

function tryRead(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function larger(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}

function present<Key extends string>(key: Key, value: number | undefined): { [K in Key]?: number } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]: number });
}
