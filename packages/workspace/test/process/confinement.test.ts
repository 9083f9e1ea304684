import { randomInt } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { unwrap } from '@shadow/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createInProcessHost, type ProcessHost } from '../../src/host/index.ts';
import { createProcessOperations } from '../../src/process/index.ts';
import { collect, isRunning, makeSandbox, membersOf, run, type Sandbox, until } from './harness.ts';

const probe = await createInProcessHost();
const { capabilities } = probe;
await probe.close();
const isRoot = process.getuid?.() === 0;

let sandbox: Sandbox;
let host: ProcessHost;

beforeAll(async () => {
  sandbox = makeSandbox(isRoot ? { runAs: { uid: 65534, gid: 65534 } } : {});
  chmodSync(sandbox.directory, 0o755);
  if (isRoot) chownSync(sandbox.context.root, 65534, 65534);
  host = await createInProcessHost();
});

afterAll(async () => {
  await host.close();
  sandbox[Symbol.dispose]();
});

describe.runIf(capabilities.limits === 'cgroup')('limits by control groups', () => {
  it('end a command that takes more memory', async () => {
    const operations = createProcessOperations(sandbox.context, host);
    const result = await run(operations, {
      command: 'head -c 200000000 /dev/zero | tail -c 150000000 | wc -c',
      limits: { memoryBytes: 30_000_000 },
    });
    expect(result.stdout.trim()).not.toBe('150000000');
  });

  it('keep a command from making more processes', async () => {
    const operations = createProcessOperations(sandbox.context, host);
    const result = await run(operations, {
      command: 'for i in $(seq 30); do sleep 0.2 & done; wait; echo end',
      limits: { maxProcesses: 5 },
    });
    expect(result.stderr).toContain('Resource temporarily unavailable');
    expect(membersOf(result.process.pid)).toEqual([]);
  });

  it('hold on a terminal too, and take along who left the process group', async () => {
    const operations = createProcessOperations(sandbox.context, host);
    const result = await run(operations, {
      command: 'setsid sleep 1000 & echo $!; sleep 0.2',
      limits: { maxProcesses: 50, cpuCores: 0.5, diskBytesPerSecond: 1_000_000_000 },
      pty: { columns: 80, rows: 24 },
    });
    expect(result.process.exitCode).toBe(0);
    expect(membersOf(Number.parseInt(result.stdout, 10))).toEqual([]);
  });

  it('come from the workspace where the request has none', async () => {
    const operations = createProcessOperations({ ...sandbox.context, limits: { maxProcesses: 3 } }, host);
    const result = await run(operations, 'for i in 1 2 3 4 5 6; do sleep 0.1 & done; wait');
    expect(result.stderr).toContain('Resource temporarily unavailable');
  });
});

describe('limits by rlimits', () => {
  it('are reported, and hold for memory', async () => {
    const weaker = await createInProcessHost({ limits: 'rlimit' });
    const operations = createProcessOperations(sandbox.context, weaker);
    const result = await run(operations, {
      command: 'head -c 400000000 /dev/zero | tail -c 300000000 | wc -c',
      limits: { memoryBytes: 100_000_000, maxProcesses: 10_000 },
    });
    if (weaker.capabilities.limits === 'rlimit') expect(result.stdout.trim()).not.toBe('300000000');
    await weaker.releaseWorkspace({ stateDir: sandbox.context.stateDir });
    await weaker.close();
  });

  it('are reported as none where nothing is to be used', async () => {
    const without = await createInProcessHost({ limits: 'none' });
    expect(without.capabilities.limits).toBe('none');
    const operations = createProcessOperations(sandbox.context, without);
    expect((await run(operations, { command: 'echo x', limits: { maxProcesses: 1 } })).stdout).toBe('x\n');
    await without.close();
  });
});

describe.runIf(capabilities.isolation === 'bubblewrap')('isolation by bubblewrap', () => {
  const isolated = () => createProcessOperations({ ...sandbox.context, isolation: { network: false } }, host);

  it('shows the workspace writable and the system read-only', async () => {
    const result = await run(isolated(), 'echo x > inside && cat inside; touch /usr/x || echo refused; pwd');
    expect(result.stdout).toBe(`x\nrefused\n${sandbox.context.root}\n`);
  });

  it('keeps homes, server state and other processes out of sight', async () => {
    mkdirSync(sandbox.context.stateDir, { recursive: true });
    writeFileSync(join(sandbox.context.stateDir, 'key'), 'secret');
    const result = await run(
      isolated(),
      `ls /root /home 2>/dev/null; cat ${sandbox.context.stateDir}/key 2>/dev/null; ls /proc | grep -c '^[0-9]'`,
    );
    expect(result.stdout).not.toContain('secret');
    expect(Number(result.stdout.trim())).toBeLessThan(10);
  });

  it('has a network only when it is let', async () => {
    const server = createServer((_, response) => response.end('reached'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const command = `exec 3<>/dev/tcp/127.0.0.1/${port} && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3`;
    const open = createProcessOperations({ ...sandbox.context, isolation: { network: true } }, host);
    expect((await run(isolated(), command)).process.exitCode).not.toBe(0);
    expect((await run(open, command)).stdout).toContain('reached');
    server.close();
  });

  it('reports exit codes and signals, and ends whole groups', async () => {
    expect((await run(isolated(), 'exit 9')).process).toMatchObject({ state: 'exited', exitCode: 9 });
    expect((await run(isolated(), 'kill -KILL $$')).process).toMatchObject({
      state: 'signaled',
      signal: 'SIGKILL',
    });
    const late = await run(isolated(), {
      command: 'trap "echo bye; exit 0" TERM; sleep 1000 & while true; do sleep 0.02; done',
      timeoutMs: 400,
    });
    expect(late).toMatchObject({ stdout: 'bye\n', process: { state: 'timed-out' } });
    expect(membersOf(late.process.pid)).toEqual([]);
  });

  it.each(['SIGKILL', 'SIGTERM', 'a timeout', 'its own end'] as const)(
    'leaves nobody behind at %s, also who cleared its environment and lost its parents',
    async (end) => {
      const operations = isolated();
      const mark = `sleep ${randomInt(1e9, 9e9)}`;
      const twice = `env -i setsid sh -c 'env -i setsid ${mark} & exit' & wait`;
      const { process } = await run(operations, {
        // Silent from the word on, which is when the limit of silence begins.
        command: `(${twice}); until read -t 0.2 stop; do echo .; done; ${end === 'a timeout' ? 'sleep 1000' : ''}`,
        isBackground: true,
        ...(end === 'a timeout' ? { noOutputTimeoutMs: 5000 } : {}),
      });
      const { processId } = process;
      await until(() => isRunning(mark), 'the escapee');
      if (end === 'SIGKILL' || end === 'SIGTERM')
        unwrap(await operations.signalProcess({ processId, signal: end }));
      else unwrap(await operations.writeStdin({ processId, data: '\n' }));
      await collect(operations.readOutput({ processId, follow: true }));
      await until(() => !isRunning(mark), 'the end of the escapee');
    },
  );

  it('lets a signal through to the command', async () => {
    const operations = isolated();
    const { process: waiting } = await run(operations, {
      command: 'trap "echo caught; exit 3" USR1; echo ready; while true; do sleep 0.02; done',
      isBackground: true,
    });
    const { processId } = waiting;
    let seen = '';
    for await (const frame of operations.readOutput({ processId, follow: true })) {
      if (frame.type === 'end') expect(frame.process).toMatchObject({ state: 'exited', exitCode: 3 });
      if (frame.type !== 'data') continue;
      seen += Buffer.from(frame.data).toString();
      if (seen === 'ready\n') await operations.signalProcess({ processId, signal: 'SIGUSR1' });
    }
    expect(seen).toContain('caught');
  });

  it('signals a command that bubblewrap has not started yet', async () => {
    const operations = isolated();
    const { process } = await run(operations, { command: 'sleep 300', isBackground: true });
    const { processId } = process;
    unwrap(await operations.signalProcess({ processId, signal: 'SIGHUP' }));
    const last = (await collect(operations.readOutput({ processId, follow: true }))).at(-1);
    expect(last).toMatchObject({ type: 'end', process: { state: 'signaled', signal: 'SIGHUP' } });
  });

  it('works on a terminal and under limits', async () => {
    const result = await run(isolated(), {
      command: 'stty size; echo $((1+1))',
      pty: { columns: 60, rows: 20 },
      // Without control groups it is the user's processes that count, those of other programs too.
      limits: { maxProcesses: capabilities.limits === 'cgroup' ? 40 : 10_000 },
    });
    expect(result.stdout).toBe('20 60\r\n2\r\n');
  });
});

describe.runIf(capabilities.isolation === 'none')('where there is no bubblewrap', () => {
  it('refuses to run what must be isolated', async () => {
    const operations = createProcessOperations({ ...sandbox.context, isolation: { network: false } }, host);
    expect(await operations.executeCommand({ command: 'true' })).toMatchObject({
      error: { code: 'UNSUPPORTED' },
    });
  });
});
