import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ProcessOperations, unwrap } from '@shadow/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createInProcessHost, type ProcessHost } from '../../src/host/index.ts';
import { createProcessOperations } from '../../src/process/index.ts';
import { makeSandbox, run, type Sandbox, until } from './harness.ts';

const MIB = 1024 * 1024;
const SPIN = 'for i in $(seq 150000); do :; done';

let sandbox: Sandbox;
let host: ProcessHost;
let operations: ProcessOperations;

beforeAll(async () => {
  sandbox = makeSandbox();
  host = await createInProcessHost();
  operations = createProcessOperations(sandbox.context, host);
});

afterAll(async () => {
  await host.close();
  sandbox[Symbol.dispose]();
});

/** With and without a control group where there are some. */
const MEANS = [
  ['summed over the processes', undefined],
  ['counted by a control group', { memoryBytes: 1024 * MIB }],
] as const;

describe.each(MEANS)('use of the machine, %s', (_name, limits) => {
  const withLimits = limits === undefined ? {} : { limits };

  async function usageOf(processId: string) {
    return unwrap(await operations.getProcess({ processId })).process.usage;
  }

  it('holds memory, processes and the disk of a running command and its children', async () => {
    const up = join(sandbox.directory, `root/up-${limits === undefined}`);
    const { process } = await run(operations, {
      ...withLimits,
      command:
        'dd if=/dev/zero of=file bs=1M count=4 oflag=direct 2>/dev/null || head -c 4194304 /dev/zero > file; sync file; x=$(head -c 20000000 /dev/zero | tr "\\0" x); sleep 1000 & sleep 1000 & touch "$UP"; wait',
      env: { UP: up },
      isBackground: true,
    });
    const { processId } = process;
    await until(() => existsSync(up), 'the children');
    // The shell forks a moment before the children are themselves.
    await until(async () => (await usageOf(processId))?.processCount === 3, 'the shell and two children');
    const usage = await usageOf(processId);
    expect(usage?.memoryBytes).toBeGreaterThan(20_000_000);
    expect(usage?.memoryBytes).toBeLessThan(1024 * MIB);
    expect(usage?.peakMemoryBytes).toBeGreaterThan(20_000_000);
    expect(usage?.cpuMs).toBeGreaterThan(0);
    unwrap(await operations.signalProcess({ processId, signal: 'SIGKILL' }));
    await until(async () => (await usageOf(processId))?.processCount === 0, 'the end');
    const last = await usageOf(processId);
    expect(last).toMatchObject({ memoryBytes: 0, processCount: 0 });
    expect(last?.peakMemoryBytes).toBeGreaterThan(20_000_000);
    expect(last?.cpuMs).toBeGreaterThanOrEqual(usage?.cpuMs ?? 0);
  });

  it('tells commands that run at the same time apart', async () => {
    const [busy, idle] = await Promise.all([
      run(operations, { ...withLimits, command: `${SPIN}; ${SPIN}` }),
      run(operations, { ...withLimits, command: 'sleep 0.05' }),
    ]);
    expect(busy.process.usage?.cpuMs).toBeGreaterThan(idle.process.usage?.cpuMs ?? 0);
  });

  it('shares out all the time of commands that end together', async () => {
    const results = await Promise.all(
      Array.from({ length: 6 }, () => run(operations, { ...withLimits, command: SPIN })),
    );
    const total = results.reduce((sum, { process }) => sum + (process.usage?.cpuMs ?? 0), 0);
    expect(total).toBeGreaterThan(60);
  });

  it('is told of a command on a terminal', async () => {
    const { process } = await run(operations, {
      ...withLimits,
      command: SPIN,
      pty: { columns: 80, rows: 24 },
    });
    expect(process.usage?.cpuMs).toBeGreaterThan(0);
  });
});

describe('use of the machine by an isolated command', () => {
  it('holds its processor time', async () => {
    if (host.capabilities.isolation !== 'bubblewrap') return;
    const isolated = createProcessOperations({ ...sandbox.context, isolation: { network: false } }, host);
    const { process } = await run(isolated, `bash -c '${SPIN}'; ${SPIN}`);
    expect(process.usage?.cpuMs).toBeGreaterThan(0);
  });
});
