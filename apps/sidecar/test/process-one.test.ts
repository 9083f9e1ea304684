import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import * as z from 'zod';
import { exitOf, framesIn, makePlace, type Place, portIn, TOKEN, until } from './support/sidecar.ts';

const SUPERVISOR = fileURLToPath(new URL('../src/supervisor.ts', import.meta.url));
/** Makes a namespace of process ids whose first process is what follows; that one dies with it. */
const NAMESPACE = ['--fork', '--pid', '--mount-proc', '--kill-child'];
const PATIENCE_MS = 120_000;

const canUnshare = (() => {
  try {
    execFileSync('unshare', [...NAMESPACE, 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

let place: Place;
let outer: ChildProcess | undefined;
let ports: AsyncIterator<string>;
let port: number;

beforeEach(async () => {
  if (!canUnshare) return;
  place = makePlace();
  outer = spawn('unshare', [...NAMESPACE, process.execPath, SUPERVISOR], {
    env: place.environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (outer.stdout === null) throw new Error('no output');
  ports = createInterface({ input: outer.stdout })[Symbol.asyncIterator]();
  port = await nextPort();
}, PATIENCE_MS);

afterEach(async () => {
  if (outer === undefined) return;
  const ended = exitOf(outer);
  // Its pids are of another namespace: what the place's own clean-up reads there would be somebody else here.
  if (outer.exitCode === null && outer.signalCode === null && outer.kill('SIGKILL')) await ended;
  outer = undefined;
  rmSync(place.directory, { recursive: true, force: true, maxRetries: 5 });
});

async function nextPort(): Promise<number> {
  const { value, done } = await ports.next();
  if (done === true) throw new Error('the sidecar ended before it listened');
  return portIn(value);
}

const skipUnlessAllowed = ({ skip }: TestContext) =>
  skip(!canUnshare, 'making a namespace of process ids is not allowed here (it takes root)');

const Result = z.looseObject({ result: z.looseObject({ stdout: z.string() }) });

function call(method: string, path: string, json?: object): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
}

let commands = 0;
async function run(command: string): Promise<string> {
  commands += 1;
  const answer = await call('PUT', `/api/execute/run-${commands}`, { command });
  return Result.parse(await answer.json()).result.stdout;
}

/** Processes that ended and that nobody has waited for. */
const zombies = () => run('grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null; true');

/** What a file of /proc says; nothing of a process that has ended since it was listed. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return '';
  }
}

const childrenOf = (pid: number) =>
  readProc(`${pid}/task/${pid}/children`).trim().split(' ').filter(Boolean).map(Number);

/** The namespace's first process, by its number outside. */
function first(): number {
  const [pid] = outer?.pid === undefined ? [] : childrenOf(outer.pid);
  if (pid === undefined) throw new Error('the namespace has no process');
  return pid;
}

/** A process of the namespace, by a word of its command line. */
function find(word: string, under = first()): number | undefined {
  for (const pid of childrenOf(under)) {
    if (readProc(`${pid}/cmdline`).includes(word)) return pid;
    const below = find(word, pid);
    if (below !== undefined) return below;
  }
  return undefined;
}

describe('the supervisor as process 1', { timeout: PATIENCE_MS }, () => {
  it('leaves that number to a reaper, which collects orphans', async (context) => {
    skipUnlessAllowed(context);
    expect(await run('cat /proc/1/comm')).toBe('sh\n');
    const orphan = "(setsid sh -c 'echo $$ >> orphans; sleep 0.2; ps -o ppid= -p $$ >> parents' &)";
    await run(`for i in 1 2 3 4 5 6 7 8; do ${orphan}; done`);
    const linesIn = (name: string) => {
      const path = join(place.workspace, name);
      return existsSync(path) ? readFileSync(path, 'utf8').trim().split(/\s+/) : [];
    };
    await until(() => linesIn('parents').length === 8, 'the words of all orphans');
    expect(new Set(linesIn('parents'))).toEqual(new Set(['1']));
    const pids = linesIn('orphans').join(' ');
    const left = () => run(`for pid in ${pids}; do test -e /proc/$pid && echo $pid; done; true`);
    await until(async () => (await left()) === '', 'the end of all orphans');
    await until(async () => (await zombies()) === '', 'the end of all zombies');
  });

  it('ends in order by SIGTERM: commands hear of it, and it leaves with 0', async (context) => {
    skipUnlessAllowed(context);
    const command = 'trap "echo bye > word; exit 0" TERM; echo up > up; while :; do sleep 0.05; done';
    await call('PUT', '/api/execute/listening', { command, isBackground: true });
    await until(() => existsSync(join(place.workspace, 'up')), 'the command');
    if (outer === undefined) throw new Error('not started');
    const exited = exitOf(outer);
    process.kill(first(), 'SIGTERM');
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(readFileSync(join(place.workspace, 'word'), 'utf8')).toBe('bye\n');
    expect(existsSync(join(place.directory, 'state/host/host.lock'))).toBe(false);
  });

  it('starts a killed HTTP process again, while commands go on', async (context) => {
    skipUnlessAllowed(context);
    const command = 'for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 0.3; done';
    await call('PUT', '/api/execute/counting', { command, isBackground: true });
    const http = find('main.ts');
    if (http === undefined) throw new Error('no HTTP process');
    process.kill(http, 'SIGKILL');
    port = await nextPort();
    const frames = await framesIn(await call('GET', '/api/terminal/counting/raw?fromOffset=0'));
    const text = frames.map((frame) => (frame.type === 'data' ? Buffer.from(frame.data).toString() : ''));
    expect(text.join('')).toBe('1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n');
    expect(frames.at(-1)).toMatchObject({ process: { state: 'exited', exitCode: 0 } });
    await until(async () => (await zombies()) === '', 'the end of all zombies');
  });

  it('has whoever cleared its environment and left its parents twice end with the namespace, not with its command', async (context) => {
    skipUnlessAllowed(context);
    const seconds = String(randomInt(1e8, 9e8));
    const twice = `env -i setsid sh -c 'env -i setsid sleep ${seconds} & exit' & wait`;
    await call('PUT', '/api/execute/leaving', { command: `(${twice}); sleep 1000`, isBackground: true });
    await until(() => find(seconds) !== undefined && find('sleep\u00001000') !== undefined, 'the escapee');
    await call('POST', '/api/execute/leaving/signal', { signal: 'SIGKILL' });
    const frames = await framesIn(await call('GET', '/api/terminal/leaving/raw?fromOffset=0'));
    expect(frames.at(-1)).toMatchObject({ process: { state: 'signaled', signal: 'SIGKILL' } });
    const escapee = find(seconds) ?? 0;
    expect(childrenOf(first())).toContain(escapee);
    if (outer === undefined) throw new Error('not started');
    const exited = exitOf(outer);
    process.kill(first(), 'SIGTERM');
    expect(await exited).toEqual({ code: 0, signal: null });
    await until(() => !existsSync(`/proc/${escapee}`), 'the end of the escapee');
  });

  it('tells what a command uses, there too', async (context) => {
    skipUnlessAllowed(context);
    await call('PUT', '/api/execute/sleeping', { command: 'sleep 300', isBackground: true });
    const answer: unknown = await (await call('GET', '/api/execute/sleeping')).json();
    expect(answer).toMatchObject({ process: { usage: { processCount: 1 } } });
  });
});
