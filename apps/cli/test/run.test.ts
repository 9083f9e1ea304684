import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCli, startCli } from './support/run-cli.ts';
import { API_KEY, TestServer } from './support/test-server.ts';

const WAIT = { timeout: 60_000, interval: 20 };
vi.setConfig({ testTimeout: 90_000 });

let home: string;
let server: TestServer;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'shadow-cli-'));
  server = await TestServer.start();
});

afterEach(async () => {
  await server.close();
  rmSync(home, { recursive: true, force: true });
});

const lines = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));

describe('with a server that runs', () => {
  beforeEach(() => server.announce(home));

  it('shows the work for people and says where it is', async () => {
    const { code, stdout, stderr } = await runCli(['run', '--repo', 'sample', 'do it'], {
      env: { SHADOW_HOME: home },
    });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('> do it');
    expect(stdout).toContain('I look at it.\n');
    expect(stdout).toContain('▸ executeCommand npm test\n  ✓ 4 ms · exit 1\n    boom\n');
    expect(stdout).toContain('Branch: shadow/x');
    expect(stdout).toMatch(/shadow diff 0190aaaa-/);
    expect(stdout).not.toContain('\u001b');
  });

  it('prints the task and then every event once as a line of JSON', async () => {
    const args = ['run', '--repo', 'sample', '--json', 'do it'];
    const { code, stdout } = await runCli(args, { env: { SHADOW_HOME: home } });
    const [first, ...events] = lines(stdout);
    expect(code).toBe(0);
    expect(first).toMatchObject({ type: 'task', task: { status: 'queued' } });
    expect(events).toEqual([...server.events.values()].flat());
  });

  it.each([
    ['fails', 1],
    ['spends', 2],
  ])('ends a task that %s with exit code %i', async (prompt, expected) => {
    const { code } = await runCli(['run', '--repo', 'sample', prompt], { env: { SHADOW_HOME: home } });
    expect(code).toBe(expected);
  });

  it('hands on the bounds that a task is to have, and refuses what is none before it asks anybody', async () => {
    const env = { SHADOW_HOME: home };
    await runCli(['run', '--repo', 'sample', '--cpu', '500m', '--memory', '1Gi', 'x'], { env });
    await runCli(['run', '--repo', 'sample', '--memory', '2Gi', 'x'], { env });
    const wrong = await runCli(['run', '--repo', 'sample', '--cpu', 'lots', 'x'], { env });
    expect(wrong.code).not.toBe(0);
    expect(wrong.stderr).toContain('is not an amount of processors such as 500m or 2');
    expect(server.created).toMatchObject([
      { resources: { cpu: '500m', memory: '1Gi' } },
      { resources: { memory: '2Gi' } },
    ]);
    expect(server.created).toHaveLength(2);
  });

  it('hands on what was asked for, with paths made absolute and the prompt read from standard input', async () => {
    const options = ['--model', 'openai/x', '--base-branch', 'dev', '--mode', 'plan', '--budget', '1.5'];
    const env = { SHADOW_HOME: home };
    await runCli(['run', '--repo', 'code', ...options, '-'], { env, input: 'from a pipe', cwd: home });
    await runCli(['run', '--repo', 'git@host:team/app.git', 'x'], { env });
    const given = { model: 'openai/x', baseBranch: 'dev', permissionMode: 'plan', budgetUsd: 1.5 };
    expect(server.created).toEqual([
      { repository: join(home, 'code'), prompt: 'from a pipe', ...given },
      { repository: 'git@host:team/app.git', prompt: 'x' },
    ]);
  });

  it('stops the task on Ctrl+C and ends with 130', async () => {
    const cli = startCli(['run', '--repo', 'sample', 'waits'], { env: { SHADOW_HOME: home } });
    await vi.waitFor(() => expect(cli.stdout()).toContain('I look at'), WAIT);
    cli.child.kill('SIGINT');
    expect((await cli.done).code).toBe(130);
    expect([...server.tasks.values()].map((task) => task.status)).toEqual(['stopped']);
  });

  it('waits for an answer that is given elsewhere', async () => {
    const env = { SHADOW_HOME: home };
    const cli = startCli(['run', '--repo', 'sample', '--mode', 'ask', 'asks'], { env });
    await vi.waitFor(() => expect(cli.stderr()).toContain('shadow approve 0190aaaa'), WAIT);
    const answered = await runCli(['approve', '0190aaaa', '--note', 'fine'], { env });
    expect(answered.stdout).toBe('Allowed executeCommand: a command\n');
    expect((await cli.done).code).toBe(0);
    expect(server.approvals.get('a1')).toMatchObject({ status: 'allowed', note: 'fine', scope: 'once' });
  });

  it('tells what is wrong in one line and ends with 1', async () => {
    const env = { SHADOW_HOME: home };
    const unknown = await runCli(['run', '--repo', '/nowhere', 'x'], { env });
    expect([unknown.code, unknown.stderr]).toEqual([1, 'shadow: There is no repository there.\n']);
    const empty = await runCli(['run', '--repo', 'sample', '-'], { env });
    expect([empty.code, empty.stderr]).toEqual([1, 'shadow: The prompt is empty: say what you want done.\n']);
    const budget = await runCli(['run', '--budget', 'much', 'x'], { env });
    expect([budget.code, budget.stderr.includes('above 0')]).toEqual([1, true]);
  });
});

it('uses the server and the key that the environment or the flags name', async () => {
  const byEnvironment = await runCli(['run', 'x'], {
    env: { SHADOW_URL: server.url, SHADOW_API_KEY: API_KEY },
  });
  expect(byEnvironment.code).toBe(0);
  const wrong = await runCli(['run', 'x', '--url', server.url, '--api-key', 'wrong']);
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain('SHADOW_API_KEY');
  const none = await runCli(['run', 'x'], { env: { SHADOW_URL: server.url } });
  expect(none.stderr).toContain('SHADOW_API_KEY is missing');
});

it('starts a server for the run when none runs, and ends it', async () => {
  const { code, stdout, stderr } = await runCli(['run', '--repo', 'sample', 'x'], {
    env: { SHADOW_HOME: home },
  });
  expect([code, stderr]).toEqual([0, 'No server is running; starting one for this command…\n']);
  expect(stdout).toContain('Ready for review');
  expect(existsSync(join(home, 'ended'))).toBe(true);
  expect(existsSync(join(home, 'server.json'))).toBe(false);
});

it('does not trust the file of a server that is gone', async () => {
  server.announce(home);
  await server.close();
  const { code } = await runCli(['run', '--repo', 'sample', 'x'], { env: { SHADOW_HOME: home } });
  expect([code, existsSync(join(home, 'ended'))]).toEqual([0, true]);
});

it('says what a server said that did not come up', async () => {
  const env = { SHADOW_HOME: home, TEST_SERVER_FAILS: '1' };
  const { code, stderr } = await runCli(['run', '--repo', 'sample', 'x'], { env });
  expect(code).toBe(1);
  expect(stderr).toContain('shadow: The server ended before it was ready:\nanother server uses this home');
});

it('stops the task and then the server that it started on Ctrl+C', async () => {
  const cli = startCli(['run', '--repo', 'sample', 'waits'], { env: { SHADOW_HOME: home } });
  await vi.waitFor(() => expect(cli.stdout()).toContain('I look at'), WAIT);
  cli.child.kill('SIGINT');
  const { code, stdout } = await cli.done;
  expect([code, stdout.includes('Ended: stopped')]).toEqual([130, true]);
  expect(existsSync(join(home, 'ended'))).toBe(true);
});
