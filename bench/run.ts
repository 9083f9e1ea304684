// npm run bench [-- --quick] [-- <name>…]: every bench/*.bench.ts in a process of its own, then one table. Ends with 1
// when a limit is missed; --quick measures less and only reports.
import { fork } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Bench, isHeld, type Measurement, ratioOf } from './support/measurement.ts';

const directory = fileURLToPath(new URL('.', import.meta.url));
const RUN_MODULE = fileURLToPath(new URL('run-module.ts', import.meta.url));

interface Report {
  name: string;
  measurements: Measurement[];
}

async function runFresh(file: string, quick: boolean): Promise<Report> {
  const child = fork(RUN_MODULE, [`${directory}${file}`, quick ? '--quick' : '--full'], {
    // As `npm start` runs the server.
    execArgv: ['--max-semi-space-size=2', '--initial-old-space-size=128'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // A group of its own: the server that a benchmark which broke leaves behind is ended with it.
    detached: true,
  });
  // The group does not hear the terminal's Ctrl+C.
  process.once('SIGINT', () => endGroup(child.pid));
  return new Promise((resolve, reject) => {
    let report: Report | undefined;
    child.on('message', (message) => {
      report = message as Report;
    });
    child.on('exit', (code) => {
      if (report !== undefined && code === 0) return resolve(report);
      endGroup(child.pid);
      reject(new Error(`${file} ended with ${code}`));
    });
  });
}

function endGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, 'SIGTERM');
  } catch {
    // Nobody of the group is left.
  }
}

function shown(value: number, unit: string): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toFixed(Number.isInteger(value) ? 0 : digits)} ${unit}`.trim();
}

function row(measurement: Measurement): string[] {
  const { what, value, unit, baseline, limit } = measurement;
  const ratio = ratioOf(measurement);
  const held = isHeld(measurement);
  const bound = limit?.atMost === undefined ? `≥ ${limit?.atLeast}` : `≤ ${limit.atMost}`;
  return [
    what,
    shown(value, unit),
    baseline === undefined ? '' : `${baseline.name}: ${shown(baseline.value, unit)}`,
    ratio === undefined ? '' : `${ratio.toFixed(2)}×`,
    limit === undefined ? '' : `${bound}${limit.of === 'ratio' ? '×' : ` ${unit}`}`,
    held === undefined ? '' : held ? 'pass' : 'FAIL',
  ];
}

function printTable(rows: string[][]): void {
  const head = ['measured', 'value', 'baseline of the same run', 'ratio', 'limit', ''];
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((cells) => cells[column]?.length ?? 0)));
  for (const cells of all) {
    console.log(`| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`);
    if (cells === head) console.log(`|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`);
  }
}

const quick = process.argv.includes('--quick');
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const files = (await readdir(directory)).filter((file) => file.endsWith('.bench.ts')).sort();
const chosen = files.filter((file) => wanted.length === 0 || wanted.some((name) => file.includes(name)));
console.log(`Node ${process.version}, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}`);
const measured: Measurement[] = [];
for (const file of chosen) {
  const { needs }: Bench = await import(`${directory}${file}`);
  if (needs !== undefined && !process.env[needs]) {
    console.log(`\nSKIPPED ${file}: set ${needs}.`);
    continue;
  }
  const { name, measurements } = await runFresh(file, quick);
  console.log(`\n${name}`);
  printTable(measurements.map(row));
  measured.push(...measurements);
}
const missed = measured.filter((measurement) => isHeld(measurement) === false);
if (missed.length > 0)
  console.log(`\n${missed.length} limit(s) missed${quick ? ' (not judged with --quick)' : ''}.`);
process.exit(missed.length > 0 && !quick ? 1 : 0);
