// A pod's first process: it is the process host, and runs the HTTP process, which may crash and come back without any
// command noticing.
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HttpProcess } from './http-process.ts';
import { adoptHttpProcess, startHttpProcess } from './http-run.ts';

function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
  });
}

/** As process 1 Node would inherit orphans and never collect them; a shell does, so it takes that place. */
function handOverToReaper(): void {
  const reaper = fileURLToPath(new URL('./reaper.sh', import.meta.url));
  const extension = extname(fileURLToPath(import.meta.url)).slice(1);
  process.execve?.('/bin/sh', ['sh', reaper, extension, process.execPath, ...process.execArgv]);
}

if (process.pid === 1) handOverToReaper();
// Everybody's commands hang on this process: one failed call is logged, and no reason to lose them all.
process.on('uncaughtException', (error) =>
  process.stderr.write(`supervisor: ${error.stack ?? error.message}\n`),
);
const ended = firstSignal();
// First of all, so that it loads beside what this process loads: a pod's start is as long as the longer of the two.
const isStarted = process.argv[2] === 'adopt';
const http = new HttpProcess(isStarted ? adoptHttpProcess(process.stdin) : startHttpProcess());
try {
  const { supervise } = await import('./supervise.ts');
  await supervise(http, ended);
} catch (error) {
  process.stderr.write(`supervisor: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
process.exit();
