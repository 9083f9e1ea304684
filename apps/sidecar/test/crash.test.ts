import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import {
  answerOf,
  exitOf,
  framesIn,
  hostPid,
  makePlace,
  portIn,
  type SidecarProcess,
  spawnProgram,
  startProcess,
  TOKEN,
  until,
} from './support/sidecar.ts';

const textOf = (frames: Awaited<ReturnType<typeof framesIn>>) =>
  frames.map((frame) => (frame.type === 'data' ? Buffer.from(frame.data).toString() : '')).join('');

const startCounting = (sidecar: SidecarProcess, id: string) =>
  sidecar.call('PUT', `/api/execute/${id}`, {
    json: { command: 'for i in 1 2 3 4 5; do echo $i; sleep 0.3; done', isBackground: true },
  });

describe('a kill of the HTTP process', () => {
  it('loses no command, no output and no answer', async () => {
    const place = makePlace();
    const first = await startProcess(place);
    await startCounting(first, 'counting');
    await first.call('POST', '/api/files/mkdir', { key: 'made', json: { path: 'made' } });
    await first.kill('SIGKILL');
    const second = await startProcess(place);
    try {
      const frames = await framesIn(await second.call('GET', '/api/terminal/counting/raw?fromOffset=0'));
      expect(textOf(frames)).toBe('1\n2\n3\n4\n5\n');
      expect(frames.at(-1)).toMatchObject({ process: { state: 'exited', exitCode: 0 } });
      const again = await second.call('POST', '/api/files/mkdir', { key: 'made', json: { path: 'made' } });
      expect(await again.json()).toMatchObject({ created: true });
    } finally {
      await second.kill('SIGTERM');
      await place.remove();
    }
  });
});

describe('a kill of the process host', () => {
  it('is told as lost processes, and what was recorded is there', async () => {
    const place = makePlace();
    const sidecar = await startProcess(place);
    try {
      const json = { command: 'echo recorded; sleep 100', isBackground: true };
      await sidecar.call('PUT', '/api/execute/lost', { json });
      const history = async () => answerOf(await sidecar.call('GET', '/api/terminal/lost/history'));
      await until(async () => (await history()).nextOffset === 9, 'the output');
      process.kill(hostPid(place.directory) ?? 0, 'SIGKILL');
      await until(async () => (await history()).process?.state === 'lost', 'the loss');
      const frames = await framesIn(await sidecar.call('GET', '/api/terminal/lost/raw?fromOffset=0'));
      expect(textOf(frames)).toBe('recorded\n');
      const next = await sidecar.call('PUT', '/api/execute/next', { json: { command: 'echo works' } });
      expect(await next.json()).toMatchObject({ result: { stdout: 'works\n' } });
    } finally {
      await sidecar.kill('SIGTERM');
      await place.remove();
    }
  });
});

describe('a caller that goes away in the middle of an answer', () => {
  it('leaves the sidecar as it was, without a word beside the log', async () => {
    const place = makePlace();
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: place.workspace, encoding: 'utf8' }).trim();
    git('init', '--quiet');
    for (const setting of ['user.name=Test', 'user.email=test@example.invalid', 'core.compression=0'])
      git('config', ...setting.split('='));
    git('commit', '--quiet', '--allow-empty', '--message', 'Base');
    const since = git('rev-parse', 'HEAD');
    writeFileSync(join(place.workspace, 'large'), randomBytes(24 * 1024 ** 2));
    git('add', '--all');
    git('commit', '--quiet', '--message', 'Work');
    const sidecar = await startProcess(place, { SIDECAR_DRAIN_MS: '600000' });
    try {
      for (const [method, path, json] of [
        ['GET', '/api/files/download?path=large', undefined],
        ['POST', '/api/git/bundle-of', { since }],
      ] as const) {
        const gone = new AbortController();
        const response = await sidecar.call(method, path, { json, signal: gone.signal });
        await response.body?.getReader().read();
        gone.abort();
      }
      const ready = await sidecar.call('GET', '/api/workspace');
      expect(ready.status).toBe(200);
      await ready.arrayBuffer();
    } finally {
      const closed = once(sidecar.child, 'close');
      await sidecar.kill('SIGTERM');
      await closed;
      await place.remove();
    }
    expect(sidecar.errors()).toBe('');
  });
});

describe('an orderly end', () => {
  it('lets calls end, ends the commands and leaves with 0', async () => {
    const place = makePlace();
    // Longer than this test may take: a connection that its client keeps open for later must hold nothing up.
    const sidecar = await startProcess(place, { SIDECAR_DRAIN_MS: '600000' });
    const json = { command: 'echo $$ > pid; sleep 100', isBackground: true };
    await sidecar.call('PUT', '/api/execute/ended', { json });
    const stream = framesIn(await sidecar.call('GET', '/api/terminal/ended/raw'));
    const pid = () => Number(readFileSync(join(place.workspace, 'pid'), 'utf8'));
    await until(async () => {
      try {
        return pid() > 0;
      } catch {
        return false;
      }
    }, 'the command');
    expect(await sidecar.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect((await stream).some(({ type }) => type === 'end')).toBe(false);
    expect(() => process.kill(pid(), 0)).toThrow();
    await place.remove();
  });

  it('says what is wrong when it cannot start', async () => {
    const place = makePlace();
    writeFileSync(join(place.directory, 'file'), '');
    await expect(startProcess(place, { WORKSPACE_DIR: join(place.directory, 'file') })).rejects.toThrow();
    await expect(startProcess(place, { SIDECAR_TOKEN: '' })).rejects.toThrow();
    await place.remove();
  });
});

describe('a fresh volume', () => {
  it('gets the tree, the state and the home that are missing', async () => {
    const place = makePlace();
    const [tree, home] = [join(place.directory, 'volume', 'repo'), join(place.directory, 'volume', 'home')];
    const state = join(place.directory, 'volume', 'state');
    const sidecar = await startProcess(place, {
      WORKSPACE_DIR: tree,
      SIDECAR_STATE_DIR: state,
      HOME: home,
    });
    const json = { command: 'pwd; cd; pwd' };
    const answer = await sidecar.call('PUT', '/api/execute/places', { json });
    expect(await answer.json()).toMatchObject({ process: { exitCode: 0 } });
    expect([tree, home, state].every((path) => existsSync(path))).toBe(true);
    expect(await sidecar.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    await place.remove();
  });
});

describe('the supervisor', () => {
  it('starts a killed HTTP process again while commands run on, and ends them when it is told to', async () => {
    const place = makePlace();
    const { child, port, ports } = await spawnProgram('../../src/supervisor.ts', place.environment);
    const call = (base: number, method: string, path: string, json?: object) =>
      fetch(`http://127.0.0.1:${base}${path}`, {
        method,
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      });
    const command = 'ps -o ppid= -p $PPID >/dev/null; for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.3; done';
    await call(port, 'PUT', '/api/execute/counting', { command, isBackground: true });
    process.kill(childOf(child.pid ?? 0), 'SIGKILL');
    const { value } = await ports.next();
    const next = portIn(value);
    const frames = await framesIn(await call(next, 'GET', '/api/terminal/counting/raw?fromOffset=0'));
    expect(textOf(frames)).toBe('1\n2\n3\n4\n5\n6\n7\n8\n');
    await call(next, 'PUT', '/api/execute/sleeping', { command: 'sleep 100', isBackground: true });
    const exited = exitOf(child);
    child.kill('SIGTERM');
    expect(await exited).toEqual({ code: 0, signal: null });
    await place.remove();
  });

  /** The HTTP process among the children of a supervisor that runs nothing else. */
  function childOf(pid: number): number {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
    const http = children.find((candidate) =>
      readFileSync(`/proc/${candidate}/cmdline`, 'utf8').includes('main.ts'),
    );
    if (http === undefined) throw new Error('no HTTP process');
    return http;
  }
});

describe('process 1', () => {
  /** Programs in place of the sidecar's two, with the real reaper beside them. */
  async function begun(http: string, supervisor: string) {
    const place = makePlace();
    const file = (name: string) => join(place.directory, name);
    await copyFile(new URL('../src/reaper.sh', import.meta.url), file('reaper.sh'));
    await writeFile(file('main.sh'), http);
    await writeFile(file('supervisor.sh'), supervisor);
    const child = spawn('/bin/sh', [file('reaper.sh'), 'sh', '/bin/sh', '-e']);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return { place, child, exited: exitOf(child), line: async () => String((await lines.next()).value) };
  }

  it('tells the supervisor of the HTTP process beside it, hands signals on and gives the status back', async () => {
    const { place, child, exited, line } = await begun(
      'echo "supervised: $SIDECAR_SUPERVISED"; touch "$(dirname "$0")/up"; exec sleep 1000',
      'read pid; until test -e "$(dirname "$0")/up"; do sleep 0.02; done; kill -KILL $pid; read status; echo "$1: $status"; trap "exit 7" TERM; while :; do sleep 0.05; done',
    );
    expect([await line(), await line()]).toEqual(['supervised: true', 'adopt: 137']);
    child.kill('SIGTERM');
    expect(await exited).toEqual({ code: 7, signal: null });
    await place.remove();
  });

  it('ends when the supervisor does, whatever the HTTP process is at', async () => {
    const { place, exited, line } = await begun('exec sleep 1000', 'read pid; echo $pid; kill -KILL $$');
    const http = Number(await line());
    expect(await exited).toEqual({ code: 137, signal: null });
    // In a container it ends with process 1.
    process.kill(http, 'SIGKILL');
    await place.remove();
  });
});
