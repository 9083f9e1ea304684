/**
 * Tries the factory, the modes and what is particular to each, and says what came of it:
 * `npx tsx src/execution/test-remote-integration.ts` in apps/server. Exit code 1 when anything failed.
 */
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ErrorCode, type OperationError, unwrap } from '@shadow/protocol';
import { pino } from 'pino';
import { startFaultyProxy } from './conformance/faulty-proxy.ts';
import { type SidecarProcess, startSidecarProcess } from './conformance/sidecar-process.ts';
import { createToolExecutor, type ToolExecutorOptions } from './index.ts';
import type { ToolExecutor } from './interfaces/tool-executor.ts';
import type { AgentMode, WorkspaceHandle } from './interfaces/types.ts';
import { MockToolExecutor } from './mock/mock-tool-executor.ts';

const TOKEN = 'a-token-for-this-script-only';
const OPTIONS: ToolExecutorOptions = {
  log: pino({ level: 'silent' }),
  remote: { retryDelaysMs: [10, 20, 40], breakAfter: 5, halfOpenAfterMs: 300 },
};
type Outcome = { success: true } | { success: false; error: OperationError };

/** Counts checks and prints each as it is made. */
class Report {
  passed = 0;
  readonly failed: string[] = [];

  section(title: string): void {
    process.stdout.write(`\n${title}\n`);
  }

  async check(what: string, test: () => Promise<void>): Promise<void> {
    try {
      await test();
      this.passed += 1;
      process.stdout.write(`  ok    ${what}\n`);
    } catch (error) {
      this.failed.push(what);
      const reason = error instanceof Error ? error.message : String(error);
      process.stdout.write(`  FAIL  ${what}: ${reason}\n`);
    }
  }
}

function expectEqual(actual: unknown, wanted: unknown): void {
  if (JSON.stringify(actual) === JSON.stringify(wanted)) return;
  throw new Error(`expected ${JSON.stringify(wanted)}, got ${JSON.stringify(actual)}`);
}

function expectCode(result: Outcome, code: ErrorCode): void {
  expectEqual(result.success ? 'success' : result.error.code, code);
}

async function open(workspace: WorkspaceHandle | string, mode: AgentMode): Promise<ToolExecutor> {
  return unwrap(await createToolExecutor('integration', workspace, mode, OPTIONS)).executor;
}

/** What every mode does alike. */
async function tryCommon(report: Report, executor: ToolExecutor): Promise<void> {
  await report.check('writes, replaces, reads and deletes a file', async () => {
    unwrap(await executor.writeFile({ path: 'dir/a.txt', content: 'one\ntwo\n' }));
    unwrap(await executor.searchReplace({ path: 'dir/a.txt', oldText: 'two', newText: '2 $&' }));
    expectEqual(unwrap(await executor.readFile({ path: 'dir/a.txt' })).content, 'one\n2 $&\n');
    expectEqual(unwrap(await executor.grepSearch({ pattern: '^2' })).filesMatched, 1);
    unwrap(await executor.deleteFile({ path: 'dir', recursive: true }));
  });
  await report.check('names what is wrong by code', async () => {
    expectCode(await executor.readFile({ path: 'none' }), 'FILE_NOT_FOUND');
    expectCode(await executor.readFile({ path: '../outside' }), 'PATH_OUTSIDE_WORKSPACE');
    expectCode(await executor.readFile({ path: 'a', startLine: 0 }), 'VALIDATION_FAILED');
    expectCode(await executor.getProcess({ processId: 'none' }), 'PROCESS_NOT_FOUND');
    expectCode(await executor.gitStatus(), 'REPOSITORY_NOT_FOUND');
    expectCode(await executor.readFile({ path: 'a' }, { signal: AbortSignal.abort() }), 'CANCELLED');
  });
  await report.check('runs a command and tells its exit code, output and errors apart', async () => {
    const {
      process: info,
      stdout,
      stderr,
    } = unwrap(await executor.executeCommand({ command: 'echo out; echo err >&2; exit 3' }));
    expectEqual([info.state, info.exitCode, stdout, stderr], ['exited', 3, 'out\n', 'err\n']);
  });
  await report.check('ends a command by its timeout and keeps what it wrote', async () => {
    const command = { command: 'echo early; sleep 300', timeoutMs: 200 };
    const { process: info, stdout } = unwrap(await executor.executeCommand(command));
    expectEqual([info.state, stdout], ['timed-out', 'early\n']);
  });
  await report.check('feeds, follows and signals a background process', async () => {
    const started = unwrap(await executor.executeCommand({ command: 'cat', isBackground: true }));
    const { processId } = started.process;
    unwrap(await executor.writeStdin({ processId, data: 'fed\n', end: true }));
    let output = '';
    for await (const frame of executor.readOutput({ processId, follow: true })) {
      if (frame.type === 'data') output += Buffer.from(frame.data).toString('utf8');
    }
    expectEqual(output, 'fed\n');
    expectCode(await executor.signalProcess({ processId, signal: 'SIGTERM' }), 'PROCESS_NOT_RUNNING');
  });
  await report.check('does what its capabilities say, and refuses the rest', async () => {
    const pty = { columns: 80, rows: 24 };
    const onTerminal = await executor.executeCommand({ command: 'echo hi', pty });
    if (executor.capabilities.pty) expectEqual(unwrap(onTerminal).stdout, 'hi\r\n');
    else expectCode(onTerminal, 'UNSUPPORTED');
  });
}

async function tryFactory(report: Report, directory: string): Promise<void> {
  report.section('Factory');
  await report.check('takes a plain string for a path', async () => {
    const executor = await open(directory, 'local');
    expectEqual(executor.capabilities.isolation, 'none');
    await executor.close();
  });
  await report.check('never falls back to another mode: a path cannot be opened remotely', async () => {
    expectCode(await createToolExecutor('t', directory, 'remote', OPTIONS), 'VALIDATION_FAILED');
    const sidecar = { sidecarUrl: 'http://127.0.0.1:1', token: TOKEN };
    expectCode(await createToolExecutor('t', sidecar, 'local', OPTIONS), 'VALIDATION_FAILED');
  });
  await report.check('says that a directory is not there', async () => {
    expectCode(await createToolExecutor('t', join(directory, 'none'), 'local', OPTIONS), 'WORKSPACE_LOST');
  });
  await report.check('says that a sidecar does not answer', async () => {
    const handle = { sidecarUrl: 'http://127.0.0.1:1', token: TOKEN };
    expectCode(await createToolExecutor('t', handle, 'remote', OPTIONS), 'UNAVAILABLE');
  });
}

async function tryLocal(report: Report, directory: string): Promise<void> {
  report.section('local, on a temporary directory');
  const executor = await open(directory, 'local');
  await tryCommon(report, executor);
  await report.check('gives commands none of the environment of this process', async () => {
    const { stdout } = unwrap(await executor.executeCommand({ command: 'env' }));
    if (/SHADOW_(?!PROCESS_ID=)|API_KEY|TOKEN|npm_/.test(stdout))
      throw new Error('a variable of the server is in it');
  });
  await executor.close();
}

async function tryMock(report: Report): Promise<void> {
  report.section('mock');
  const executor = new MockToolExecutor();
  await tryCommon(report, executor);
  await report.check('takes the time it is told, and hears a cancellation meanwhile', async () => {
    executor.setLatency(50);
    const startedAt = performance.now();
    unwrap(await executor.listDirectory({}));
    if (performance.now() - startedAt < 45) throw new Error('it was too fast');
    executor.setLatency(60_000);
    expectCode(await executor.listDirectory({}, { signal: AbortSignal.timeout(20) }), 'CANCELLED');
    executor.setLatency(0);
  });
  await report.check('fails as often as it is told, with the code it is told', async () => {
    executor.setSimulateFailures({ operation: 'statFile', times: 2, code: 'DISK_FULL' });
    expectCode(await executor.statFile({ path: '.' }), 'DISK_FULL');
    unwrap(await executor.listDirectory({}));
    expectCode(await executor.statFile({ path: '.' }), 'DISK_FULL');
    unwrap(await executor.statFile({ path: '.' }));
  });
  await report.check('fails at a rate, the same calls for the same seed', async () => {
    const outcomes = async (seed: number) => {
      executor.setSimulateFailures({ rate: 0.5, seed });
      const results: boolean[] = [];
      for (let call = 0; call < 40; call += 1) results.push((await executor.statFile({ path: '.' })).success);
      return results;
    };
    const first = await outcomes(7);
    expectEqual(await outcomes(7), first);
    if (JSON.stringify(await outcomes(8)) === JSON.stringify(first))
      throw new Error('the seed has no effect');
    executor.setSimulateFailures(null);
  });
  await executor.shutdown();
}

async function tryRemote(report: Report, directory: string): Promise<void> {
  report.section('remote, over a sidecar process');
  const workspaceDir = join(directory, 'served');
  await mkdir(workspaceDir);
  const environment = { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: directory, LANG: 'C.UTF-8' };
  const sidecar = await startSidecarProcess({
    workspaceDir,
    stateDir: join(directory, 'state'),
    token: TOKEN,
    environment,
  });
  const handle = { sidecarUrl: sidecar.baseUrl, token: TOKEN };
  const executor = await open(handle, 'remote');
  await tryCommon(report, executor);
  await report.check('refuses a wrong token by code', async () => {
    const wrong = { ...handle, token: 'another-token-that-is-wrong' };
    const result = await createToolExecutor('t', wrong, 'remote', OPTIONS);
    if (result.success || !['TOKEN_INVALID', 'UNAUTHENTICATED'].includes(result.error.code)) {
      throw new Error(JSON.stringify(result));
    }
  });
  await tryFaults(report, sidecar, executor);
  await executor.close();
  await sidecar.stop();
}

async function tryFaults(report: Report, sidecar: SidecarProcess, healthy: ToolExecutor): Promise<void> {
  await using proxy = await startFaultyProxy(sidecar.baseUrl);
  const executor = await open({ sidecarUrl: proxy.url, token: TOKEN }, 'remote');
  await report.check('tries a read again after failures that pass', async () => {
    unwrap(await healthy.writeFile({ path: 'retry.txt', content: 'there\n' }));
    proxy.failNext(2);
    expectEqual(unwrap(await executor.readFile({ path: 'retry.txt' })).content, 'there\n');
  });
  await report.check('does not count what the caller did wrong against the sidecar', async () => {
    for (let call = 0; call < 8; call += 1) {
      expectCode(await executor.readFile({ path: 'none' }), 'FILE_NOT_FOUND');
    }
    unwrap(await executor.readFile({ path: 'retry.txt' }));
  });
  await report.check(
    'opens the breaker after five failures in a row, without calling the sidecar',
    async () => {
      proxy.failNext(1000);
      await executor.readFile({ path: 'retry.txt' });
      await executor.readFile({ path: 'retry.txt' });
      const before = proxy.requests;
      expectCode(await executor.readFile({ path: 'retry.txt' }), 'CIRCUIT_OPEN');
      expectEqual(proxy.requests, before);
    },
  );
  await report.check('closes the breaker once the sidecar answers again', async () => {
    proxy.failNext(0);
    const deadline = Date.now() + 30_000;
    while (!(await executor.readFile({ path: 'retry.txt' })).success) {
      if (Date.now() > deadline) throw new Error('it stayed open');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
  await executor.close();
}

async function main(): Promise<number> {
  const report = new Report();
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'shadow-integration-')));
  try {
    const tree = join(directory, 'tree');
    await mkdir(tree);
    await tryFactory(report, tree);
    await tryLocal(report, tree);
    await tryMock(report);
    await tryRemote(report, directory);
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
  const { passed, failed } = report;
  process.stdout.write(`\n${passed + failed.length} checks: ${passed} passed, ${failed.length} failed\n`);
  for (const what of failed) process.stdout.write(`  failed: ${what}\n`);
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = await main();
