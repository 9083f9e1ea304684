import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startServer } from '../apps/server/test/support/running-server.ts';
import type { Measurement } from './support/measurement.ts';
import { temporaryDirectory } from './support/place.ts';

export const name = 'Memory of an idle server (Linux: proportional set size, shared pages counted once)';

const SETTLE_MS = 3000;

export async function run(): Promise<Measurement[]> {
  await using directory = await temporaryDirectory();
  await using server = await startServer(join(directory.path, 'home'));
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const tree = await processTree();
  const ofServer = await megabytes([server.pid]);
  const hosts = await processesNaming(join(directory.path, 'home', 'host'));
  const database = [...descendants(tree, server.pid)];
  const plain = { name: 'this benchmark’s own Node', value: await megabytes([process.pid]) };
  const ofHost = await megabytes(hosts);
  const ofDatabase = await megabytes(database);
  return [
    { what: 'server', value: ofServer, unit: 'MB', baseline: plain },
    { what: 'process host', value: ofHost, unit: 'MB', baseline: plain },
    { what: 'PostgreSQL with its supervisor', value: ofDatabase, unit: 'MB', baseline: plain },
    { what: 'all together', value: ofServer + ofHost + ofDatabase, unit: 'MB', baseline: plain },
  ];
}

/** Parent by process. */
async function processTree(): Promise<Map<number, number>> {
  const parents = new Map<number, number>();
  for (const pid of await pids()) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    parents.set(pid, Number(/^PPid:\s+(\d+)/m.exec(status)?.[1] ?? 0));
  }
  return parents;
}

function* descendants(parents: ReadonlyMap<number, number>, root: number): Generator<number> {
  for (const [pid, parent] of parents) {
    if (parent !== root) continue;
    yield pid;
    yield* descendants(parents, pid);
  }
}

async function processesNaming(text: string): Promise<number[]> {
  const found: number[] = [];
  for (const pid of await pids()) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(text)) found.push(pid);
  }
  return found;
}

async function pids(): Promise<number[]> {
  return (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(Number);
}

async function megabytes(processes: readonly number[]): Promise<number> {
  let kilobytes = 0;
  for (const pid of processes) {
    const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
    kilobytes += Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0);
  }
  return kilobytes / 1024;
}
