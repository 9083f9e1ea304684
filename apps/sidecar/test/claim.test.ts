import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import {
  answerOf,
  exitOf,
  framesIn,
  makePlace,
  type Place,
  portIn,
  type Served,
  type SidecarProcess,
  spawnProgram,
  startProcess,
  TOKEN,
  until,
} from './support/sidecar.ts';

const NEW = 'the-token-of-the-task-that-came';
/** What the sidecar keeps of the token that opens it. */
const KEPT = 'state/token-sha256';
const LIMIT_MS = 120_000;

let place: Place;
let running: SidecarProcess | undefined;

beforeEach(() => {
  place = makePlace();
});

afterEach(async () => {
  await running?.kill('SIGTERM');
  running = undefined;
  await place.remove();
});

async function start(settings: NodeJS.ProcessEnv = {}): Promise<SidecarProcess> {
  running = await startProcess(place, settings);
  return running;
}

const claim = (sidecar: Served, json: object, token = TOKEN) =>
  sidecar.call('POST', '/api/workspace/claim', { json, token });
const opens = async (sidecar: Served, token: string) =>
  (await sidecar.call('GET', '/api/workspace', { token })).status === 200;
const run = async (sidecar: Served, command: string, token: string, id: string) =>
  (await answerOf(await sidecar.call('PUT', `/api/execute/${id}`, { json: { command }, token }))).result
    ?.stdout;

describe('a claim', { timeout: LIMIT_MS }, () => {
  it('lets only the new token in from its answer on, and gives commands the task’s environment', async () => {
    const sidecar = await start();
    const answer = await claim(sidecar, {
      token: NEW,
      environment: { API_BASE: 'http://example.test', EMPTY: '' },
    });
    expect([answer.status, await answer.json()]).toEqual([200, { claimed: true }]);
    expect([await opens(sidecar, TOKEN), await opens(sidecar, NEW)]).toEqual([false, true]);
    const refused = await claim(sidecar, { token: 'yet-another-token-here' });
    expect(await refused.json()).toMatchObject({ error: { code: 'TOKEN_INVALID' } });
    expect(
      await run(sidecar, 'echo "$API_BASE,$EMPTY,"; env | grep -c -e ^EMPTY= -e SIDECAR', NEW, 'shown'),
    ).toBe('http://example.test,,\n1\n');
    expect(statSync(join(place.directory, KEPT)).mode & 0o777).toBe(0o600);
    const found = spawnSync('grep', ['-r', '-F', '-l', '-e', NEW, '-e', TOKEN, place.directory]);
    expect({ status: found.status, files: String(found.stdout) }).toEqual({ status: 1, files: '' });
  });

  it('converges when repeated with the new token, and its environment is that of the last', async () => {
    const sidecar = await start();
    await claim(sidecar, { token: NEW, environment: { FIRST: '1', BOTH: '1' } });
    const again = await claim(sidecar, { token: NEW, environment: { BOTH: '2' } }, NEW);
    expect(await again.json()).toEqual({ claimed: true });
    expect(await run(sidecar, 'echo "$FIRST,$BOTH"', NEW, 'shown')).toBe(',2\n');
  });

  it('is won by one of many at once', async () => {
    const sidecar = await start();
    const tokens = Array.from({ length: 8 }, (_, index) => `token-of-the-claimer-${index}`);
    const answers = await Promise.all(tokens.map(async (token) => (await claim(sidecar, { token })).status));
    expect(answers.toSorted()).toEqual([200, ...Array(7).fill(401)]);
    const open = await Promise.all(tokens.map((token) => opens(sidecar, token)));
    expect(open).toEqual(answers.map((status) => status === 200));
  });

  it('refuses to set what decides which programs run, and what is no variable', async () => {
    const sidecar = await start();
    for (const name of [
      'PATH',
      'LD_PRELOAD',
      'BASH_ENV',
      'GIT_SSH_COMMAND',
      'SIDECAR_TOKEN',
      '1X',
      'A B',
      '',
    ]) {
      expect((await claim(sidecar, { token: NEW, environment: { [name]: 'x' } })).status).toBe(400);
    }
    expect((await claim(sidecar, { token: NEW, environment: { NUL: 'a\0b' } })).status).toBe(400);
    expect(await opens(sidecar, TOKEN)).toBe(true);
  });

  it('refuses a token that could be guessed or stands in no header', async () => {
    const sidecar = await start();
    for (const token of ['short', 'has a space in its middle', 'has-ümlauts-in-its-middle', '']) {
      expect((await claim(sidecar, { token })).status).toBe(400);
    }
    expect(await opens(sidecar, TOKEN)).toBe(true);
  });

  it('ends the streams that the old token opened', async () => {
    const sidecar = await start();
    await sidecar.call('PUT', '/api/execute/long', {
      json: { command: 'cat', isBackground: true, pty: { columns: 80, rows: 24 } },
    });
    const raw = framesIn(await sidecar.call('GET', '/api/terminal/long/raw'));
    const events = (await sidecar.call('GET', '/api/terminal/long/events')).text();
    const watch = (await sidecar.call('GET', '/api/files/watch')).text();
    const waiting = sidecar.call('PUT', '/api/execute/waited', { json: { command: 'sleep 300' } });
    const socket = new WebSocket(`${sidecar.url}/api/terminal/long/socket`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    await new Promise((resolve) => socket.once('open', resolve));
    await until(
      async () => (await answerOf(await sidecar.call('GET', '/api/execute'))).processes?.length === 2,
      'the waiting command',
    );
    await claim(sidecar, { token: NEW });
    expect((await raw).some(({ type }) => type === 'end')).toBe(false);
    expect(await events).not.toContain('event: end');
    expect(await watch).toContain('heartbeat');
    expect((await waiting).status).toBe(503);
    expect(await closed).toBe(4401);
    const processes = (await answerOf(await sidecar.call('GET', '/api/execute', { token: NEW }))).processes;
    expect(processes?.map(({ state }) => state)).toEqual(['running', 'running']);
  });
});

describe('a claimed workspace', { timeout: LIMIT_MS }, () => {
  it('stays claimed whatever restarts: HTTP process, host, all of it, with the old token mounted', async () => {
    const mounted = join(place.directory, 'mounted');
    writeFileSync(mounted, TOKEN);
    const settings = { SIDECAR_TOKEN: '', SIDECAR_TOKEN_FILE: mounted };
    const first = await start(settings);
    await claim(first, { token: NEW, environment: { KEPT: 'yes' } });
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      await running?.kill(signal);
      const next = await start(settings);
      expect([await opens(next, TOKEN), await opens(next, NEW)]).toEqual([false, true]);
      expect(await run(next, 'echo $KEPT', NEW, `kept-${signal}`)).toBe('yes\n');
    }
  });

  it('stays claimed when its supervisor starts the HTTP process again, or itself dies and comes back', async () => {
    const begin = () => spawnProgram('../../src/supervisor.ts', place.environment);
    const ask = (port: number, token: string, method: string, path: string, json?: object) =>
      fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      });
    const statuses = async (port: number) => [
      (await ask(port, TOKEN, 'GET', '/api/workspace')).status,
      (await ask(port, NEW, 'GET', '/api/workspace')).status,
    ];
    const first = await begin();
    expect((await ask(first.port, TOKEN, 'POST', '/api/workspace/claim', { token: NEW })).status).toBe(200);
    const parent = first.child.pid ?? 0;
    const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8')
      .trim()
      .split(' ')
      .map(Number);
    for (const pid of children) {
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('main.ts')) process.kill(pid, 'SIGKILL');
    }
    expect(await statuses(portIn((await first.ports.next()).value))).toEqual([401, 200]);
    const gone = exitOf(first.child);
    first.child.kill('SIGKILL');
    await gone;
    const second = await begin();
    expect(await statuses(second.port)).toEqual([401, 200]);
    const ended = exitOf(second.child);
    second.child.kill('SIGTERM');
    expect(await ended).toEqual({ code: 0, signal: null });
  });

  it('takes the mounted token again when its volume holds none any more, or no token at all', async () => {
    const first = await start();
    await claim(first, { token: NEW });
    const token = join(place.directory, KEPT);
    for (const spoil of [
      () => writeFile(token, 'short'),
      () => symlink('/etc/hostname', token),
      () => mkdir(token),
    ]) {
      await running?.kill('SIGTERM');
      rmSync(token, { recursive: true, force: true });
      await spoil();
      const next = await start();
      expect(await opens(next, TOKEN)).toBe(true);
    }
  });
});

describe('a kill in the middle of a claim', { timeout: LIMIT_MS }, () => {
  const preload = fileURLToPath(new URL('./support/kill-at.ts', import.meta.url));

  it.each([
    ['open after environment.json', TOKEN],
    ['rename before environment.json', TOKEN],
    ['rename after environment.json', TOKEN],
    ['open after token-sha256', TOKEN],
    ['rename before token-sha256', TOKEN],
    ['rename after token-sha256', NEW],
  ])('%s leaves one token that opens it, and the repeat converges', async (point, valid) => {
    const doomed = await start({ KILL_AT: point, NODE_OPTIONS: `--import=${preload}` });
    const died = exitOf(doomed.child);
    const json = { token: NEW, environment: { GIVEN: 'yes' } };
    await expect(claim(doomed, json)).rejects.toThrow();
    expect(await died).toEqual({ code: null, signal: 'SIGKILL' });
    const next = await start();
    expect([await opens(next, TOKEN), await opens(next, NEW)]).toEqual([valid === TOKEN, valid === NEW]);
    expect(await (await claim(next, json, valid)).json()).toEqual({ claimed: true });
    expect(await run(next, 'echo $GIVEN', NEW, 'given')).toBe('yes\n');
    const state = await readdir(join(place.directory, 'state'));
    expect(state.filter((name) => /^(token|environment)/.test(name)).toSorted()).toEqual([
      'environment.json',
      'token-sha256',
    ]);
  });
});

describe('the usage of a workspace', { timeout: LIMIT_MS }, () => {
  it('tells its size, its disk, whether it is claimed and whether a clone was finished', async () => {
    const sidecar = await start();
    const usage = async (token = TOKEN) => (await sidecar.call('GET', '/api/workspace', { token })).json();
    expect(await usage()).toMatchObject({ bytes: 0, files: 0, claimed: false, repository: false });
    await writeFile(join(place.workspace, 'kept'), 'x'.repeat(100_000));
    await mkdir(join(place.workspace, '.git'));
    const config = join(place.workspace, '.git/config');
    await writeFile(config, '[core]\n\tbare = false\n[remote "shadow"]\n\tbase = no\n');
    expect(await usage()).toMatchObject({ files: 2, repository: false });
    await writeFile(config, '[core]\n\tbare = false\n[shadow]\n\tbase = 0123456789abcdef main\n');
    await claim(sidecar, { token: NEW });
    const told = await usage(NEW);
    expect(told).toMatchObject({ files: 2, claimed: true, repository: true, bytes: expect.any(Number) });
    expect(told).toMatchObject({ diskTotalBytes: expect.any(Number), diskFreeBytes: expect.any(Number) });
  });
});
