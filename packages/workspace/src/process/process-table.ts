import { closeSync, openSync, readdirSync, readSync } from 'node:fs';

/** The kernel tells times in hundredths of a second on every platform that Node runs on (USER_HZ, times(2)). */
const TICK_MS = 10;

/** One process as the system shows it. */
export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
  readonly group: number;
  readonly session: number;
  /** Kernel's clock ticks; tells a pid from its later reuse. */
  readonly startTime: string;
  /** Milliseconds of processor time, with that of the children it has waited for. */
  readonly cpuMs: number;
  /** The part of it that its ended children used. */
  readonly childrenMs: number;
}

/** Fields of /proc/<pid>/stat (proc(5)); undefined when the process is gone or the system has no /proc. */
export function readStat(pid: number | string): ProcessStat | undefined {
  const text = readLine(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The name in parentheses may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const childrenMs = (Number(fields[13]) + Number(fields[14])) * TICK_MS;
  return {
    pid: Number.parseInt(text, 10),
    parent: Number(fields[1]),
    state: fields[0] ?? '',
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTime: fields[19] ?? '',
    cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS + childrenMs,
    childrenMs,
  };
}

/** Longer than any; the numbers have at most 20 digits, the name 15 characters. */
const lineBuffer = Buffer.alloc(2048);

/** The whole of a small file of /proc, which comes at once: whatever asks for its size or its end costs as much again. */
function readLine(path: string): string | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    return lineBuffer.toString('latin1', 0, readSync(descriptor, lineBuffer, 0, lineBuffer.length, 0));
  } catch {
    // Gone, perhaps between the two.
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Every live process; zombies do not count: in a container nobody may ever reap them. Undefined without a /proc. */
export function readProcessTable(): ProcessStat[] | undefined {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return undefined;
  }
  const live: ProcessStat[] = [];
  for (const name of names) {
    const first = name.charCodeAt(0);
    if (first < 0x30 || first > 0x39) continue;
    const stat = readStat(name);
    if (stat !== undefined && stat.state !== 'Z' && stat.state !== 'X') live.push(stat);
  }
  return live;
}

/** Those of a table whose group or session has this leader: job control gives grandchildren groups of their own. */
export function inGroup(table: readonly ProcessStat[], leader: number): ProcessStat[] {
  return table.filter(({ group, session }) => group === leader || session === leader);
}

/** These processes and all whose line of living parents leads to one of them. */
export function withDescendants(table: readonly ProcessStat[], roots: readonly ProcessStat[]): ProcessStat[] {
  const children = Map.groupBy(table, ({ parent }) => parent);
  const found = new Map(roots.map((stat) => [stat.pid, stat]));
  for (const stat of found.values()) {
    // A map's iterator comes to what is added while it runs.
    for (const child of children.get(stat.pid) ?? []) found.set(child.pid, child);
  }
  return [...found.values()];
}
