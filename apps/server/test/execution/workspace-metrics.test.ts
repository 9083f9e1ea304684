import { type ProcessInfo, unwrap } from '@shadow/protocol';
import { afterEach, expect, it } from 'vitest';
import type { ToolExecutor } from '../../src/execution/interfaces/tool-executor.ts';
import { createLocalToolExecutor } from '../../src/execution/local/local-tool-executor.ts';
import { MockToolExecutor } from '../../src/execution/mock/mock-tool-executor.ts';
import { workspaceMetrics } from '../../src/execution/workspace-metrics.ts';
import { temporaryDirectory } from '../support/git-repository.ts';

const resources = new AsyncDisposableStack();
afterEach(() => resources.disposeAsync());

async function localExecutor(): Promise<ToolExecutor> {
  const { path } = resources.use(await temporaryDirectory());
  const { executor } = unwrap(await createLocalToolExecutor(path));
  resources.defer(() => executor.close());
  return executor;
}

async function start(executor: ToolExecutor, command: string): Promise<ProcessInfo> {
  return unwrap(await executor.executeCommand({ command, isBackground: true })).process;
}

it('sums up what runs, and keeps counting the time of what has ended', async () => {
  const executor = await localExecutor();
  expect(unwrap(await workspaceMetrics(executor))).toMatchObject({ processes: 0, cpuMs: 0, memoryBytes: 0 });
  const one = await start(executor, 'sleep 300');
  await start(executor, 'sleep 300');
  const running = unwrap(await workspaceMetrics(executor));
  expect(running.processes).toBeGreaterThanOrEqual(2);
  expect(running.memoryBytes).toBeGreaterThan(0);
  unwrap(await executor.executeCommand({ command: 'for i in $(seq 100000); do :; done' }));
  const later = unwrap(await workspaceMetrics(executor));
  expect(later.cpuMs).toBeGreaterThan(running.cpuMs);
  unwrap(await executor.signalProcess({ processId: one.processId, signal: 'SIGKILL' }));
  await expect
    .poll(async () => unwrap(await workspaceMetrics(executor)).processes, { timeout: 60_000 })
    .toBe(running.processes - 1);
});

it('sums up simulated processes, too', async () => {
  const executor = new MockToolExecutor();
  await start(executor, 'sleep 300');
  await start(executor, 'sleep 300');
  const { processes, memoryBytes } = unwrap(await workspaceMetrics(executor));
  expect(processes).toBe(2);
  expect(memoryBytes).toBeGreaterThan(0);
  await executor.shutdown();
});

it('counts processes that say nothing of their use as nothing, and hands failures on', async () => {
  const silent = { listProcesses: async () => ({ success: true as const, processes: [] }) };
  expect(unwrap(await workspaceMetrics(silent))).toMatchObject({ processes: 0, cpuMs: 0, memoryBytes: 0 });
  const executor = new MockToolExecutor();
  executor.setSimulateFailures({ operation: 'listProcesses', times: 1, code: 'UNAVAILABLE' });
  expect(await workspaceMetrics(executor)).toMatchObject({ error: { code: 'UNAVAILABLE' } });
});
