import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { runCli, startCli } from './support/run-cli.ts';
import { TestServer } from './support/test-server.ts';

const WAIT = { timeout: 60_000, interval: 20 };
vi.setConfig({ testTimeout: 90_000 });
const launcher = fileURLToPath(new URL('../bin/shadow.mjs', import.meta.url));

let home: string;
let server: TestServer;
let env: Record<string, string>;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'shadow-cli-'));
  server = await TestServer.start();
  server.announce(home);
  env = { SHADOW_HOME: home };
});

afterEach(async () => {
  await server.close();
  rmSync(home, { recursive: true, force: true });
});

it('prints a URL that signs in to the running server', async () => {
  const { code, stdout } = await runCli(['sign-in-url'], { env });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/base\/sign-in\?token=a%20one-time%20token\n$/);
});

it('lists tasks under the shortest ids that tell them apart', async () => {
  server.addTask('0190aaaa-0000-7000-8000-000000000001', { status: 'running', title: 'One\u001b[2J' });
  server.addTask('0190aaaa-0001-7000-8000-000000000002', { status: 'archived' });
  server.addTask('0190bbbb-0000-7000-8000-000000000003', { additions: 5 });
  const { code, stdout } = await runCli(['tasks', '--all'], { env });
  expect(code).toBe(0);
  const [first = '', second = '', third = ''] = stdout.split('\n');
  expect(first).toMatch(/^0190aaaa-0000 {2}running {3}\+0 −0 {2}\$0\.0125 {2}One$/);
  expect([second.split(' ')[0], third.split(' ')[0]]).toEqual(['0190aaaa-0001', '0190bbbb']);
  const json = await runCli(['tasks', '--json'], { env });
  expect(
    json.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).id),
  ).toHaveLength(2);
});

it('takes the beginning of an id when it means one task', async () => {
  server.addTask('0190aaaa-0000-7000-8000-000000000001');
  server.addTask('0190aaaa-0001-7000-8000-000000000002');
  const stopped = await runCli(['stop', '0190aaaa-0001'], { env });
  expect(stopped.stdout).toBe('0190aaaa-0001-7000-8000-000000000002 stopped\n');
  const several = await runCli(['stop', '0190'], { env });
  expect([several.code, several.stderr.includes('several ids')]).toEqual([1, true]);
  const none = await runCli(['stop', 'ffff'], { env });
  expect([none.code, none.stderr.includes('shadow tasks')]).toEqual([1, true]);
});

it('shows the whole log of a task, however many pages it has', async () => {
  const { id } = server.addTask('0190aaaa-0000-7000-8000-000000000001');
  for (const message of ['one', 'two', 'three', 'four', 'five']) {
    server.append(id, { type: 'notice', level: 'info', message });
  }
  const { stdout } = await runCli(['logs', '0190'], { env });
  expect(stdout.trim().split('\n')).toEqual(['one', 'two', 'three', 'four', 'five']);
  const json = await runCli(['logs', '0190', '--json'], { env });
  expect(
    json.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).seq),
  ).toEqual([1, 2, 3, 4, 5]);
});

it('follows a task until it comes to rest, not resting where its history did', async () => {
  const { id } = server.addTask('0190aaaa-0000-7000-8000-000000000001');
  server.append(id, { type: 'status', status: 'ready-for-review', error: null });
  server.append(id, { type: 'status', status: 'running', error: null });
  const cli = startCli(['logs', '0190', '--follow', '--json'], { env });
  await vi.waitFor(() => expect(cli.stdout().trim().split('\n')).toHaveLength(2), WAIT);
  server.append(id, { type: 'notice', level: 'info', message: 'still here' });
  server.append(id, { type: 'status', status: 'ready-for-review', error: null });
  const { code, stdout } = await cli.done;
  expect([code, stdout.trim().split('\n').length]).toEqual([0, 4]);
});

it('prints a diff to standard output and remarks to standard error', async () => {
  server.addTask('0190aaaa-0000-7000-8000-000000000001');
  const { code, stdout, stderr } = await runCli(['diff', '0190'], { env });
  expect([code, stdout, stderr]).toEqual([0, 'diff --git a/a b/a\n', 'b.png: binary, added\n']);
});

it('denies nothing when nothing is asked', async () => {
  server.addTask('0190aaaa-0000-7000-8000-000000000001');
  const { code, stderr } = await runCli(['deny', '0190'], { env });
  expect([code, stderr]).toEqual([1, 'shadow: This task asks for nothing.\n']);
});

it('does not start a server to stop a task', async () => {
  await server.close(home);
  const { code, stderr } = await runCli(['stop', '0190'], { env });
  expect([code, stderr.startsWith('shadow: No Shadow server is running.')]).toEqual([1, true]);
});

it('explains itself, and complains about what it does not know with exit code 1', async () => {
  const help = await runCli(['--help']);
  expect([help.code, help.stdout.includes('shadow run --repo')]).toEqual([0, true]);
  expect((await runCli(['run', '--help'])).stdout).toContain('2 budget exceeded');
  const unknown = await runCli(['run', '--colour', 'x']);
  expect([unknown.code, unknown.stderr.includes("unknown option '--colour'")]).toEqual([1, true]);
});

it('starts through its launcher, on any Node that is there', async () => {
  const version = await runCli(['--version'], { program: [process.execPath, launcher] });
  expect(version).toMatchObject({ code: 0, stdout: '0.1.0\n', stderr: '' });
  // Debian's own Node is older than what TypeScript sources need: the launcher finds the bundled one.
  const system = ['/usr/bin/node', '/usr/local/bin/node'].find((path) => major(path) !== undefined);
  if (system === undefined) return;
  const other = await runCli(['stop'], { program: [system, launcher] });
  expect([other.code, other.stderr.includes("missing required argument 'id'")]).toEqual([1, true]);
});

it('says in doctor what is missing and how to mend it', async () => {
  const running = await runCli(['doctor'], { env: { ...env, OPENAI_API_KEY: 'k' } });
  expect(running.stdout).toContain(`✓ Shadow runs at ${server.url}`);
  expect(running.stdout).toContain('✓ models: OPENAI_API_KEY set');
  const blocker = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
  const { port } = blocker.address() as AddressInfo;
  const bare = { SHADOW_HOME: join(home, 'not', 'yet'), API_PORT: String(port), PATH: '/nonexistent' };
  const { code, stdout } = await runCli(['doctor'], { env: bare });
  blocker.close();
  expect(code).toBe(1);
  expect(stdout).toContain('✗ git is not installed\n    Install it');
  expect(stdout).toContain(`✗ port ${port} is used by something else`);
  expect(stdout).toContain('! models: no key in the environment');
});

it('looks at the cluster in doctor where remote mode wants one', async () => {
  const remote = { ...env, AGENT_MODE: 'remote', KUBECONFIG: join(home, 'no-kubeconfig') };
  const program = [process.execPath, launcher] as const;
  const { code, stdout } = await runCli(['doctor'], {
    program,
    env: { PATH: process.env.PATH ?? '', ...remote },
  });
  expect(code).toBe(1);
  expect(stdout).toContain(`✗ Kubernetes: The kubeconfig file ${join(home, 'no-kubeconfig')} cannot be read`);
  const local = await runCli(['doctor'], { env: { ...env, HOME: home } });
  expect(local.stdout).toContain('Kubernetes: not configured (optional, for AGENT_MODE=remote)');
});

function major(node: string): string | undefined {
  try {
    return execFileSync(node, ['--version'], { encoding: 'utf8', stdio: 'pipe' });
  } catch {
    return undefined;
  }
}
