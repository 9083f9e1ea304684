import { type ProcessInfo, ResourceUsage, unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import { ended, run, start, until, untilWritten } from './expectations.ts';
import type { SharedSubject } from './shared-subject.ts';

const MIB = 1024 * 1024;

/** What processes say of the machine's time, memory and disk that they use. */
export function tellingUsage(shared: SharedSubject): void {
  whileRunning(shared);
  afterTheEnd(shared);
}

function whileRunning(shared: SharedSubject): void {
  it('tells what a running process uses now', async () => {
    const { processId } = await start(shared.executor, { command: 'echo up; sleep 300' });
    await untilWritten(shared.executor, processId, 'up');
    const usage = usageOf(unwrap(await shared.executor.getProcess({ processId })).process);
    expect(usage.processCount).toBeGreaterThanOrEqual(1);
    expect(usage.memoryBytes).toBeGreaterThan(0);
    expect(usage.peakMemoryBytes).toBeGreaterThanOrEqual(usage.memoryBytes);
    await kill(shared, processId);
  });

  it('tells it for each process of a list', async () => {
    const one = await start(shared.executor, { command: 'sleep 300' });
    const other = await start(shared.executor, { command: 'sleep 300' });
    const { processes } = unwrap(await shared.executor.listProcesses());
    for (const { processId } of [one, other]) {
      const found = processes.find((process) => process.processId === processId);
      expect(usageOf(found).processCount).toBeGreaterThanOrEqual(1);
    }
    await kill(shared, one.processId);
    await kill(shared, other.processId);
  });

  it('counts what a process has started, where commands are real', async () => {
    if (!shared.hasRealShell) return;
    const command = 'sleep 300 & sleep 300 & sleep 300 & echo up; wait';
    const { processId } = await start(shared.executor, { command });
    await untilWritten(shared.executor, processId, 'up');
    const usage = usageOf(unwrap(await shared.executor.getProcess({ processId })).process);
    expect(usage.processCount).toBeGreaterThanOrEqual(4);
    await kill(shared, processId);
  });

  it('never lets the processor time of a process fall', async () => {
    const { processId } = await start(shared.executor, { command: 'echo up; sleep 300' });
    await untilWritten(shared.executor, processId, 'up');
    let last = 0;
    for (let look = 0; look < 5; look += 1) {
      const { cpuMs } = usageOf(unwrap(await shared.executor.getProcess({ processId })).process);
      expect(cpuMs).toBeGreaterThanOrEqual(last);
      last = cpuMs;
    }
    await kill(shared, processId);
    expect(usageOf(await ended(shared.executor, processId)).cpuMs).toBeGreaterThanOrEqual(last);
  });

  it('sees the processor time grow of a process that computes, where commands are real', async () => {
    if (!shared.hasRealShell) return;
    const { processId } = await start(shared.executor, { command: 'while :; do :; done' });
    const look = async () => usageOf(unwrap(await shared.executor.getProcess({ processId })).process).cpuMs;
    const first = await look();
    await until(async () => (await look()) > first + 50, 'more processor time');
    await kill(shared, processId);
  });
}

function afterTheEnd(shared: SharedSubject): void {
  it('tells what a command has used, when it has ended', async () => {
    const { process } = await run(shared.executor, 'echo done');
    const usage = usageOf(process);
    expect(usage).toMatchObject({ memoryBytes: 0, processCount: 0 });
    expect(usage.cpuMs).toBeGreaterThanOrEqual(0);
  });

  it('keeps that with the process', async () => {
    const { process } = await run(shared.executor, 'echo done');
    const { processId } = process;
    expect(unwrap(await shared.executor.getProcess({ processId })).process.usage).toEqual(process.usage);
    const { processes } = unwrap(await shared.executor.listProcesses());
    expect(processes.find((other) => other.processId === processId)?.usage).toEqual(process.usage);
    expect((await ended(shared.executor, processId)).usage).toEqual(process.usage);
  });

  it('tells the processor time of a command and its children, where commands are real', async () => {
    if (!shared.hasRealShell) return;
    const spin = 'for i in $(seq 100000); do :; done';
    const { process } = await run(shared.executor, `bash -c '${spin}'; ${spin}`);
    expect(usageOf(process).cpuMs).toBeGreaterThan(0);
  });

  it('tells what was seen of a command that was ended', async () => {
    const { process } = await run(shared.executor, { command: 'echo up; sleep 300', timeoutMs: 300 });
    expect(process.state).toBe('timed-out');
    const usage = usageOf(process);
    expect(usage).toMatchObject({ memoryBytes: 0, processCount: 0 });
    expect(usage.peakMemoryBytes).toBeGreaterThan(0);
  });

  it('tells the peak of the memory of a command with limits, where control groups hold them', async () => {
    if (shared.capabilities.limits !== 'cgroup' || !shared.hasRealShell) return;
    const { process } = await run(shared.executor, {
      command: `head -c ${30 * MIB} /dev/zero | tail -c ${20 * MIB} | wc -c`,
      limits: { memoryBytes: 256 * MIB },
    });
    expect(usageOf(process).peakMemoryBytes).toBeGreaterThan(20 * MIB);
  });
}

function usageOf(process: ProcessInfo | undefined): ResourceUsage {
  return ResourceUsage.parse(process?.usage);
}

async function kill(shared: SharedSubject, processId: string): Promise<void> {
  unwrap(await shared.executor.signalProcess({ processId, signal: 'SIGKILL' }));
  await ended(shared.executor, processId);
}
