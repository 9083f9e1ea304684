import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawn } from '@lydell/node-pty';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { TestServer } from './support/test-server.ts';

const WAIT = { timeout: 60_000, interval: 20 };
vi.setConfig({ testTimeout: 90_000 });
const cli = fileURLToPath(new URL('./support/cli-with-test-server.ts', import.meta.url));
const launcher = fileURLToPath(new URL('../bin/shadow.mjs', import.meta.url));

let home: string;
let server: TestServer;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'shadow-cli-'));
  server = await TestServer.start();
  server.announce(home);
});

afterEach(async () => {
  await server.close();
  rmSync(home, { recursive: true, force: true });
});

/** The command line on a terminal of its own. */
function onTerminal(
  args: readonly string[],
  env: Record<string, string> = {},
  [node, program] = [process.execPath, cli],
) {
  const terminal = spawn(node, [program, ...args], {
    env: { PATH: process.env.PATH ?? '', SHADOW_HOME: home, ...env },
    cols: 120,
    rows: 40,
  });
  let shown = '';
  terminal.onData((data) => {
    shown += data;
  });
  const done = new Promise<number>((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)));
  return { terminal, done, shown: () => shown };
}

it.each([
  ['y', 'allowed'],
  ['', 'denied'],
])('asks on a terminal and takes "%s" for %s', async (answer, status) => {
  const { terminal, done, shown } = onTerminal(['run', '--repo', 'sample', '--mode', 'ask', 'asks']);
  await vi.waitFor(() => expect(shown()).toContain('Allow executeCommand? [y/N]'), WAIT);
  expect(shown()).toContain('rm x');
  terminal.write(`${answer}\r`);
  expect(await done).toBe(0);
  expect(server.approvals.get('a1')?.status).toBe(status);
});

it('stops the task on Ctrl+C while it asks', async () => {
  const { terminal, done, shown } = onTerminal(['run', '--repo', 'sample', 'asks']);
  await vi.waitFor(() => expect(shown()).toContain('[y/N]'), WAIT);
  terminal.write('\u0003');
  expect(await done).toBe(130);
  expect([...server.tasks.values()].map((task) => task.status)).toEqual(['stopped']);
});

it('counts one Ctrl+C once when an old Node handed over to a newer one', async () => {
  const node = existsSync('/usr/bin/node') ? '/usr/bin/node' : process.execPath;
  const { terminal, done, shown } = onTerminal(['run', '--repo', 'sample', 'waits'], {}, [node, launcher]);
  await vi.waitFor(() => expect(shown()).toContain('I look at'), WAIT);
  terminal.write('\u0003');
  expect(await done).toBe(130);
  expect(shown()).toContain('Ended: stopped');
});

it('goes on when the question is answered elsewhere', async () => {
  const { done, shown } = onTerminal(['run', '--repo', 'sample', 'asks']);
  await vi.waitFor(() => expect(shown()).toContain('[y/N]'), WAIT);
  const other = onTerminal(['deny', '0190aaaa']);
  expect(await other.done).toBe(0);
  expect(await done).toBe(0);
});

it('uses colours on a terminal unless NO_COLOR is set, and lets no agent steer it', async () => {
  const coloured = onTerminal(['run', '--repo', 'sample', 'x']);
  expect(await coloured.done).toBe(0);
  expect(coloured.shown()).toContain('\u001b[36m▸ executeCommand');
  expect(coloured.shown()).toContain('I look at it.');
  const plain = onTerminal(['run', '--repo', 'sample', 'x'], { NO_COLOR: '1' });
  expect(await plain.done).toBe(0);
  expect(plain.shown()).not.toContain('\u001b[3');
});
