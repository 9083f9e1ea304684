import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ProcessOperations, unwrap } from '@shadow/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  connectProcessHost,
  createInProcessHost,
  type ProcessHost,
  startProcessHost,
} from '../../src/host/index.ts';
import { createProcessOperations } from '../../src/process/index.ts';
import { collect, makeSandbox, run, type Sandbox, until } from './harness.ts';

/** Leaves its group, its session and its parent, as a daemon does. */
const DAEMON = "(setsid nohup sh -c 'echo $$ > pid; exec sleep 1000' >/dev/null 2>&1 &)";

let sandbox: Sandbox;
let host: ProcessHost;
let operations: ProcessOperations;

beforeEach(async () => {
  sandbox = makeSandbox();
  // Without control groups, which would take everybody along.
  host = await createInProcessHost({ limits: 'none' });
  operations = createProcessOperations(sandbox.context, host);
});

afterEach(async () => {
  await host.close();
  sandbox[Symbol.dispose]();
});

const pidIn = (name: string) => Number(readFileSync(join(sandbox.context.root, name), 'utf8'));
const isThere = (name: string) => existsSync(join(sandbox.context.root, name));

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

/** Starts a command in the background and waits until what it leaves behind has written its pid. */
async function startWith(command: string): Promise<{ processId: string; pid: number }> {
  const { process } = await run(operations, { command, isBackground: true });
  await until(() => isThere('pid') && pidIn('pid') > 0, 'the pid');
  return { processId: process.processId, pid: pidIn('pid') };
}

async function endOf(processId: string): Promise<void> {
  await collect(operations.readOutput({ processId, follow: true }));
}

describe('what left the group of its command', () => {
  it.each(['SIGKILL', 'SIGTERM', 'SIGHUP'] as const)('ends with a command that %s ends', async (signal) => {
    const { processId, pid } = await startWith(`${DAEMON}; sleep 1000`);
    expect(isAlive(pid)).toBe(true);
    unwrap(await operations.signalProcess({ processId, signal }));
    await endOf(processId);
    expect(isAlive(pid)).toBe(false);
  });

  it('ends with a command that its timeout ends', async () => {
    const result = await run(operations, {
      command: `${DAEMON}; while ! test -s pid; do sleep 0.02; done; sleep 1000`,
      noOutputTimeoutMs: 1500,
    });
    expect(result.process.state).toBe('timed-out');
    expect(isAlive(pidIn('pid'))).toBe(false);
  });

  it('ends with a command whose call is aborted', async () => {
    const abort = new AbortController();
    const command = `${DAEMON}; while ! test -s pid; do sleep 0.02; done; echo up; sleep 1000`;
    await run(operations, command, { signal: abort.signal, onOutput: () => abort.abort() });
    expect(isAlive(pidIn('pid'))).toBe(false);
  });

  it('is asked to end before it is killed', async () => {
    const daemon = 'trap "echo bye > word; exit 0" TERM; echo $$ > pid; while :; do sleep 0.02; done';
    const { processId, pid } = await startWith(`(setsid sh -c '${daemon}' &); sleep 1000`);
    unwrap(await operations.signalProcess({ processId, signal: 'SIGKILL' }));
    await endOf(processId);
    expect(isAlive(pid)).toBe(false);
    expect(isThere('word')).toBe(true);
  });

  it('is killed where it does not want to end', async () => {
    const daemon = 'trap "" TERM; echo $$ > pid; while :; do sleep 0.02; done';
    const { processId, pid } = await startWith(`(setsid sh -c '${daemon}' &); sleep 1000`);
    unwrap(await operations.signalProcess({ processId, signal: 'SIGKILL' }));
    await endOf(processId);
    expect(isAlive(pid)).toBe(false);
  });

  it('is known by its parents, too, where it has cleared its environment', async () => {
    const { processId, pid } = await startWith("env -i setsid sh -c 'echo $$ > pid; sleep 1000' & wait");
    unwrap(await operations.signalProcess({ processId, signal: 'SIGKILL' }));
    await endOf(processId);
    expect(isAlive(pid)).toBe(false);
  });

  it('stays when its command comes to its own end, and goes with the workspace', async () => {
    const { processId, pid } = await startWith(DAEMON);
    await endOf(processId);
    expect(isAlive(pid)).toBe(true);
    unwrap(await host.releaseWorkspace({ stateDir: sandbox.context.stateDir }));
    expect(isAlive(pid)).toBe(false);
  });

  it('goes with the workspace also where a host does not know it yet', async () => {
    const { processId, pid } = await startWith(DAEMON);
    await endOf(processId);
    const other = await createInProcessHost({ limits: 'none' });
    unwrap(await other.releaseWorkspace({ stateDir: sandbox.context.stateDir }));
    expect(isAlive(pid)).toBe(false);
    await other.close();
  });

  it('ends with a command whose host was killed, once the next host comes', async () => {
    const directory = join(sandbox.directory, 'host');
    const first = await startProcessHost({ directory });
    const killed = await connectProcessHost(first.socketPath);
    operations = createProcessOperations(sandbox.context, killed);
    const { processId, pid } = await startWith(`${DAEMON}; sleep 1000`);
    process.kill(first.pid, 'SIGKILL');
    await killed.close();
    await until(() => !isAlive(first.pid), 'the end of the host');
    expect(isAlive(pid)).toBe(true);
    const next = await connectProcessHost((await startProcessHost({ directory })).socketPath);
    operations = createProcessOperations(sandbox.context, next);
    expect(unwrap(await operations.getProcess({ processId })).process.state).toBe('lost');
    expect(isAlive(pid)).toBe(false);
    await next.shutdown();
  });

  it('is left alone where it belongs to another workspace', async () => {
    const { processId, pid } = await startWith(DAEMON);
    await endOf(processId);
    unwrap(await host.releaseWorkspace({ stateDir: `${sandbox.context.stateDir}-other` }));
    expect(isAlive(pid)).toBe(true);
  });

  it('remains only where it cleared its environment and lost its parent', async () => {
    const command = "(env -i setsid sh -c 'echo $$ > pid; exec sleep 1000' &); sleep 1000";
    const { processId, pid } = await startWith(command);
    unwrap(await operations.signalProcess({ processId, signal: 'SIGKILL' }));
    await endOf(processId);
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, 'SIGKILL');
  });
});
