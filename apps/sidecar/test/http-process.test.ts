import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpProcess } from '../src/http-process.ts';
import { adoptHttpProcess } from '../src/http-run.ts';
import { exitOf } from './support/sidecar.ts';

let shell: ChildProcess | undefined;
afterEach(() => shell?.kill('SIGKILL'));

/** A process as `reaper.sh` starts it, and what tells of it. @param before what its shell does first, which it inherits */
function begun(program: string, before = ':'): Readable {
  const told = `${before}; sh -c "$0" >&2 & echo $!; wait $!; echo $?`;
  shell = spawn('/bin/sh', ['-c', told, program], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (shell.stdout === null) throw new Error('no output');
  return shell.stdout;
}

const never = () => Promise.reject(new Error('it was started again'));

describe('the HTTP process beside the supervisor', () => {
  it('is asked to end, and how it ended is told', async () => {
    const run = adoptHttpProcess(begun('trap "exit 3" TERM; while :; do sleep 0.02; done'));
    const http = new HttpProcess(run);
    const over = http.run(never);
    // At once: before it is known which process it is.
    http.end(60_000);
    await over;
    expect([3, 143]).toContain((await run.exit).code);
  });

  it('is killed when it does not end in time', async () => {
    const run = adoptHttpProcess(begun('while :; do sleep 0.02; done', 'trap "" TERM'));
    const http = new HttpProcess(run);
    const over = http.run(never);
    http.end(100);
    await over;
    expect(await run.exit).toMatchObject({ code: 137, signal: null });
  });

  it('has ended for the supervisor when nobody can tell of it any more', async () => {
    const run = adoptHttpProcess(begun('sleep 0.5'));
    if (shell === undefined) throw new Error('not started');
    const gone = exitOf(shell);
    shell.kill('SIGKILL');
    await gone;
    expect(await run.exit).toMatchObject({ code: null, signal: null });
  });
});
