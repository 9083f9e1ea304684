import { spawn } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OutputFrame } from '@shadow/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectProcessHost, runDaemon, type SocketHost, startProcessHost } from '../../src/host/index.ts';
import { createProcessOperations } from '../../src/process/index.ts';
import { bytesOf, collect, makeSandbox, membersOf, run, type Sandbox, until } from '../process/harness.ts';

const isSoak = process.env.SHADOW_SOAK !== undefined;
const CUTS = isSoak ? 1000 : 50;
const STALL_BYTES = isSoak ? 1024 ** 3 : 64 * 1024 ** 2;

let sandbox: Sandbox;
let hosts: SocketHost[];
let daemonPids: number[];

beforeEach(() => {
  sandbox = makeSandbox();
  hosts = [];
  daemonPids = [];
});

afterEach(async () => {
  await Promise.all(hosts.map((host) => host.close()));
  for (const pid of daemonPids) {
    if (isAlive(pid)) process.kill(pid, 'SIGTERM');
    await until(() => !isAlive(pid), 'the end of the daemon');
  }
  sandbox[Symbol.dispose]();
});

function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

function rssOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1024;
}

async function start(idleTimeoutMs = 60_000): Promise<{ socketPath: string; pid: number; started: boolean }> {
  const started = await startProcessHost({ directory: join(sandbox.directory, 'host'), idleTimeoutMs });
  daemonPids.push(started.pid);
  return started;
}

async function connectTo(socketPath: string, revive?: () => Promise<unknown>): Promise<SocketHost> {
  const host = await connectProcessHost(socketPath, revive === undefined ? {} : { revive });
  hosts.push(host);
  return host;
}

describe('the daemon', () => {
  it('runs commands over its socket as an in-process host does', async () => {
    const { socketPath, pid, started } = await start();
    expect([started, pid === process.pid]).toEqual([true, false]);
    const host = await connectTo(socketPath);
    expect(host.pid).toBe(pid);
    expect(host.capabilities).toMatchObject({ pty: true });
    const operations = createProcessOperations(sandbox.context, host);
    expect(await run(operations, { command: 'cat; echo err >&2; exit 4', stdin: 'in' })).toMatchObject({
      stdout: 'in',
      stderr: 'err\n',
      process: { state: 'exited', exitCode: 4 },
    });
    const onTerminal = await run(operations, { command: 'stty size', pty: { columns: 70, rows: 20 } });
    expect(onTerminal.stdout).toBe('20 70\r\n');
    const late = await run(operations, { command: 'sleep 1000 & sleep 1000', timeoutMs: 200 });
    expect(late.process.state).toBe('timed-out');
    expect(membersOf(late.process.pid)).toEqual([]);
    const listed = await operations.listProcesses();
    expect(listed.success && listed.processes.length).toBe(3);
  });

  it('takes input, signals, sizes and cancellation', async () => {
    const host = await connectTo((await start()).socketPath);
    const operations = createProcessOperations(sandbox.context, host);
    const { process: cat } = await run(operations, { command: 'cat', isBackground: true });
    await operations.writeStdin({ processId: cat.processId, data: 'x\n', end: true });
    expect(
      bytesOf(await collect(operations.readOutput({ processId: cat.processId, follow: true }))).toString(),
    ).toBe('x\n');
    const { process: terminal } = await run(operations, {
      command: 'sleep 1000',
      isBackground: true,
      pty: { columns: 80, rows: 24 },
    });
    const { processId } = terminal;
    expect(await operations.resizeTerminal({ processId, columns: 90, rows: 30 })).toEqual({ success: true });
    expect(await operations.signalProcess({ processId, signal: 'SIGCONT' })).toEqual({ success: true });
    const cancelled = await host.cancelProcess({ stateDir: sandbox.context.stateDir, processId });
    expect(cancelled).toMatchObject({ process: { state: 'cancelled' } });
    expect(await operations.getProcess({ processId: 'missing' })).toMatchObject({
      error: { code: 'PROCESS_NOT_FOUND' },
    });
    expect(await host.releaseWorkspace({ stateDir: sandbox.context.stateDir })).toEqual({ success: true });
  });

  it('is one per directory, however many start it at once', async () => {
    const started = await Promise.all([start(), start(), start(), start()]);
    expect(new Set(started.map(({ pid }) => pid)).size).toBe(1);
    expect(started.filter((one) => one.started).length).toBe(1);
  });

  it('lets only its user near', async () => {
    const { socketPath } = await start();
    expect(lstatSync(socketPath).mode & 0o777).toBe(0o600);
    expect(lstatSync(join(sandbox.directory, 'host')).mode & 0o777).toBe(0o700);
    const open = join(sandbox.directory, 'open');
    mkdirSync(open);
    chmodSync(open, 0o755);
    await expect(startProcessHost({ directory: open })).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  });

  it('finds a short path for its socket where its directory is long', async () => {
    const directory = join(sandbox.directory, 'x'.repeat(100), 'y'.repeat(100));
    const { socketPath, pid } = await startProcessHost({ directory });
    daemonPids.push(pid);
    expect(Buffer.byteLength(socketPath)).toBeLessThan(108);
    expect((await connectTo(socketPath)).pid).toBe(pid);
  });

  it('knows nothing of the environment of whoever started it', async () => {
    process.env.SHADOW_TEST_SECRET = 'secret';
    const { socketPath, pid } = await start();
    delete process.env.SHADOW_TEST_SECRET;
    expect(readFileSync(`/proc/${pid}/environ`, 'latin1')).not.toContain('secret');
    const operations = createProcessOperations(sandbox.context, await connectTo(socketPath));
    expect((await run(operations, 'env')).stdout).not.toContain('secret');
  });

  it('ends by itself when nobody needs it, and not before', async () => {
    const { socketPath, pid } = await start(300);
    const host = await connectTo(socketPath);
    const operations = createProcessOperations(sandbox.context, host);
    const { process: sleeper } = await run(operations, { command: 'sleep 1', isBackground: true });
    await host.close();
    expect(isAlive(pid)).toBe(true);
    await until(() => !isAlive(pid), 'the idle end');
    expect(existsSync(socketPath)).toBe(false);
    const path = join(sandbox.context.stateDir, 'processes', sleeper.processId, 'process.jsonl');
    const record = JSON.parse(readFileSync(path, 'utf8').trim().split('\n').at(-1) ?? '');
    expect(record.info.state).toBe('exited');
  });

  it('ends when its directory was removed and nobody needs it', async () => {
    const { pid } = await start(1000);
    rmSync(join(sandbox.directory, 'host'), { recursive: true });
    await until(() => !isAlive(pid), 'the end');
  });

  it('ends on request with everything it runs', async () => {
    const { socketPath, pid } = await start();
    const host = await connectTo(socketPath);
    const operations = createProcessOperations(sandbox.context, host);
    const { process: sleeper } = await run(operations, {
      command: 'echo kept; sleep 1000',
      isBackground: true,
    });
    await until(async () => {
      const found = await operations.getProcess({ processId: sleeper.processId });
      return found.success && found.process.outputEnd === 5;
    }, 'output');
    await host.shutdown();
    await until(() => !isAlive(pid), 'the end');
    expect(membersOf(sleeper.pid)).toEqual([]);
    const next = createProcessOperations(sandbox.context, await connectTo((await start()).socketPath));
    const frames = await collect(next.readOutput({ processId: sleeper.processId, follow: true }));
    expect(bytesOf(frames).toString()).toBe('kept\n');
    expect(frames.at(-1)).toMatchObject({ process: { state: 'cancelled' } });
  });

  it('drops whoever does not speak its protocol', async () => {
    const { socketPath } = await start();
    const strangers = [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
      frame({ type: 'nonsense' }),
      frame({ type: 'read', id: 1, params: { stateDir: '/x', processId: 'x' } }),
      Buffer.concat([
        frame({ type: 'hello', version: 1 }),
        frame({ type: 'call', id: 1, call: 'getProcess', params: {} }),
      ]),
      Buffer.from([4, 0, 0, 0, 4, 0, 0, 0, 0x7b, 0x7b, 0x7b, 0x7b]),
    ];
    for (const bytes of strangers) {
      const socket = connect(socketPath);
      socket.on('error', () => {});
      socket.resume();
      socket.write(bytes);
      await new Promise((resolve) => socket.once('close', resolve));
    }
    expect((await connectTo(socketPath)).capabilities.pty).toBe(true);
  });
});

describe('when the client dies', () => {
  it('runs on, and the next client has it all', async () => {
    const { socketPath } = await start();
    const { root, stateDir } = sandbox.context;
    const command = 'for i in $(seq 1 200); do echo line $i; sleep 0.01; done';
    const client = spawn(
      process.execPath,
      [fileURLToPath(new URL('./client.ts', import.meta.url)), socketPath, root, stateDir, command],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await new Promise((resolve) => client.stdout.once('data', resolve));
    client.kill('SIGKILL');
    await new Promise((resolve) => client.once('exit', resolve));
    const operations = createProcessOperations(sandbox.context, await connectTo(socketPath));
    expect(await operations.getProcess({ processId: 'followed' })).toMatchObject({
      process: { state: 'running' },
    });
    const result = await run(operations, { processId: 'followed', command });
    expect(result.stdout).toBe(Array.from({ length: 200 }, (_, index) => `line ${index + 1}\n`).join(''));
    expect(result.process).toMatchObject({ state: 'exited', exitCode: 0 });
  });
});

describe('when the host dies', () => {
  it('the next one calls its processes lost, has their output, and ends what they left', async () => {
    const { socketPath, pid } = await start();
    const host = await connectTo(socketPath, start);
    const operations = createProcessOperations(sandbox.context, host);
    const { process: survivor } = await run(operations, {
      command: 'echo recorded; trap "" TERM; sleep 1000 & wait; sleep 1000',
      isBackground: true,
    });
    const { processId } = survivor;
    await run(operations, { processId: 'ended', command: 'echo done' });
    const following = collect(operations.readOutput({ processId, follow: true }));
    await until(async () => {
      const found = await operations.getProcess({ processId });
      return found.success && found.process.outputEnd === 9;
    }, 'output');
    process.kill(pid, 'SIGKILL');
    const frames = await following;
    expect(bytesOf(frames).toString()).toBe('recorded\n');
    expect(frames.at(-1)).toMatchObject({ type: 'end', process: { state: 'lost', outputEnd: 9 } });
    expect(host.pid).not.toBe(pid);
    expect(membersOf(survivor.pid)).toEqual([]);
    expect(await operations.getProcess({ processId: 'ended' })).toMatchObject({
      process: { state: 'exited' },
    });
    expect((await run(operations, { processId: 'ended', command: 'echo done' })).stdout).toBe('done\n');
    expect(
      await operations.executeCommand({ processId, command: survivor.command, isBackground: true }),
    ).toMatchObject({
      process: { state: 'lost' },
    });
  });

  it('a foreground command ends as PROCESS_LOST', async () => {
    const { socketPath, pid } = await start();
    const operations = createProcessOperations(sandbox.context, await connectTo(socketPath, start));
    const result = await operations.executeCommand(
      { command: 'echo x; sleep 1000' },
      { onOutput: () => process.kill(pid, 'SIGKILL') },
    );
    expect(result).toMatchObject({ success: false, error: { code: 'PROCESS_LOST' } });
  });

  it('cleans up what it left without anybody asking', async () => {
    const { socketPath, pid } = await start();
    const operations = createProcessOperations(sandbox.context, await connectTo(socketPath));
    const { process: sleeper } = await run(operations, { command: 'sleep 1000', isBackground: true });
    process.kill(pid, 'SIGKILL');
    await until(() => !isAlive(pid), 'the end');
    expect(membersOf(sleeper.pid).length).toBeGreaterThan(0);
    await start();
    await until(() => membersOf(sleeper.pid).length === 0, 'the clean-up');
  });

  it('a client without a way to revive it gives up with UNAVAILABLE', async () => {
    const { socketPath, pid } = await start();
    const host = await connectProcessHost(socketPath, { reconnectMs: 200 });
    hosts.push(host);
    const operations = createProcessOperations(sandbox.context, host);
    process.kill(pid, 'SIGKILL');
    await until(() => !isAlive(pid), 'the end');
    expect(await operations.listProcesses()).toMatchObject({ error: { code: 'UNAVAILABLE' } });
    expect(await collect(operations.readOutput({ processId: 'x' }))).toMatchObject([
      { type: 'error', error: { code: 'UNAVAILABLE' } },
    ]);
    await host.close();
    expect(await operations.listProcesses()).toMatchObject({ error: { code: 'UNAVAILABLE' } });
    await expect(connectProcessHost(socketPath, { reconnectMs: 50 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
  });
});

describe('when the connection is cut', () => {
  it(`loses, repeats and reorders no byte in ${CUTS} cuts`, async () => {
    const { socketPath } = await start();
    const proxy = await startCuttingProxy(socketPath, join(sandbox.directory, 'proxy.sock'));
    const host = await connectTo(proxy.path);
    const operations = createProcessOperations(sandbox.context, host);
    const chunk = 40_000;
    const rounds = Math.ceil((CUTS * 120_000) / chunk);
    const { process: writer } = await run(operations, {
      command: `i=0; while [ $i -lt ${rounds} ]; do printf '%0${chunk}d' $i; i=$((i+1)); sleep 0.002; done`,
      isBackground: true,
    });
    let offset = 0;
    let sinceCut = 0;
    let nextCut = 60_000;
    const frames: OutputFrame[] = [];
    for await (const frame of operations.readOutput({
      processId: writer.processId,
      fromOffset: 0,
      follow: true,
    })) {
      if (frame.type !== 'data') {
        frames.push(frame);
        if (frame.type === 'gap') offset = frame.toOffset;
        continue;
      }
      expect(frame.offset).toBe(offset);
      expectRounds(frame.data, offset, chunk);
      offset += frame.data.length;
      sinceCut += frame.data.length;
      if (sinceCut < nextCut || proxy.cuts >= CUTS) continue;
      sinceCut = 0;
      nextCut = 20_000 + ((proxy.cuts * 7919) % 80_000);
      proxy.cut();
    }
    expect(proxy.cuts).toBe(CUTS);
    expect(offset).toBe(rounds * chunk);
    expect(frames).toMatchObject([{ type: 'end', process: { state: 'exited', exitCode: 0 } }]);
    proxy.close();
  }, 600_000);

  it('runs a repeated mutation once', async () => {
    const { socketPath } = await start();
    const proxy = await startCuttingProxy(socketPath, join(sandbox.directory, 'proxy.sock'));
    const operations = createProcessOperations(sandbox.context, await connectTo(proxy.path));
    const { process: cat } = await run(operations, { command: 'cat', isBackground: true });
    const expected: string[] = [];
    for (let index = 0; index < 30; index += 1) {
      expected.push(`line ${index}\n`);
      // The host has the request, the client gets no answer.
      if (index % 3 === 0) proxy.swallowNextAnswer();
      await operations.writeStdin({ processId: cat.processId, data: `line ${index}\n` });
    }
    await operations.writeStdin({ processId: cat.processId, data: '', end: true });
    const frames = await collect(operations.readOutput({ processId: cat.processId, follow: true }));
    expect(bytesOf(frames).toString()).toBe(expected.join(''));
    proxy.close();
  });
});

describe('a reader that stalls', () => {
  it('neither pauses the process nor costs memory, and goes on after a gap', async () => {
    const { socketPath, pid } = await start();
    const operations = createProcessOperations(sandbox.context, await connectTo(socketPath));
    // Warm up what is allocated once.
    await run(operations, 'head -c 30000000 /dev/zero');
    const { process: writer } = await run(operations, {
      command: `head -c ${STALL_BYTES} /dev/zero | tr '\\0' x`,
      isBackground: true,
    });
    const { processId } = writer;
    const reading = operations.readOutput({ processId, fromOffset: 0, follow: true })[Symbol.asyncIterator]();
    await reading.next();
    const [hostBefore, clientBefore] = [rssOf(pid), rssOf(process.pid)];
    let hostPeak = 0;
    await until(async () => {
      hostPeak = Math.max(hostPeak, rssOf(pid));
      const found = await operations.getProcess({ processId });
      return found.success && found.process.state === 'exited';
    }, 'the end of the writer');
    expect(hostPeak - hostBefore).toBeLessThan(64 * 1024 ** 2);
    expect(rssOf(process.pid) - clientBefore).toBeLessThan(64 * 1024 ** 2);
    const rest: OutputFrame[] = [];
    for (let next = await reading.next(); next.done !== true; next = await reading.next())
      rest.push(next.value);
    expect(rest.some(({ type }) => type === 'gap')).toBe(true);
    expect(rest.at(-1)).toMatchObject({ type: 'end', offset: STALL_BYTES });
  }, 120_000);
});

describe('the daemon inside this process', () => {
  it('serves, shuts down on request and gives its lock back', async () => {
    const settings = { directory: join(sandbox.directory, 'inside'), idleTimeoutMs: 60_000 };
    const daemon = await runDaemon(settings);
    expect(daemon).toBeDefined();
    expect(await runDaemon(settings)).toBeUndefined();
    const host = await connectTo(daemon?.socketPath ?? '');
    const operations = createProcessOperations(sandbox.context, host);
    const { process: sleeper } = await run(operations, { command: 'sleep 1000', isBackground: true });
    expect((await run(operations, 'echo hi')).stdout).toBe('hi\n');
    await host.shutdown();
    await daemon?.ended;
    expect(membersOf(sleeper.pid)).toEqual([]);
    const again = await runDaemon(settings);
    again?.stop();
    await again?.ended;
    expect(again).toBeDefined();
  });

  it('follows, skips with a gap where a reader stalls, and stops when it leaves', async () => {
    const daemon = await runDaemon({ directory: join(sandbox.directory, 'inside'), idleTimeoutMs: 60_000 });
    const host = await connectTo(daemon?.socketPath ?? '');
    const operations = createProcessOperations(sandbox.context, host);
    const { process: writer } = await run(operations, {
      command: 'head -c 30000000 /dev/zero; read x',
      isBackground: true,
    });
    const { processId } = writer;
    const reading = operations.readOutput({ processId, fromOffset: 0, follow: true })[Symbol.asyncIterator]();
    await reading.next();
    await until(async () => {
      const found = await operations.getProcess({ processId });
      return found.success && found.process.outputEnd === 30_000_000;
    }, 'the whole output');
    const types = new Set<string>();
    for (let offset = 0; offset < 30_000_000; ) {
      const next = await reading.next();
      if (next.done === true) break;
      types.add(next.value.type);
      if (next.value.type === 'data') offset = next.value.offset + next.value.data.length;
    }
    expect(types).toEqual(new Set(['data', 'gap']));
    await reading.return?.();
    await operations.resizeTerminal({ processId, columns: 80, rows: 24 });
    await operations.signalProcess({ processId, signal: 'SIGCONT' });
    await operations.writeStdin({ processId, data: '\n' });
    const end = (
      await collect(operations.readOutput({ processId, fromOffset: 30_000_000, follow: true }))
    ).at(-1);
    expect(end).toMatchObject({ type: 'end', process: { state: 'exited' } });
    const result = await run(operations, { processId: 'again', command: 'head -c 30000000 /dev/zero' });
    expect(result.process.outputEnd).toBe(30_000_000);
    await host.cancelProcess({ stateDir: sandbox.context.stateDir, processId });
    await host.releaseWorkspace({ stateDir: sandbox.context.stateDir });
    await host.shutdown();
    await daemon?.ended;
  });

  it('adopts the records of a killed host, and leaves alone what another boot or nobody knows', async () => {
    const { socketPath, pid } = await start();
    const operations = createProcessOperations(sandbox.context, await connectTo(socketPath));
    const names = ['left', 'other-boot', 'torn'];
    const started = await Promise.all(
      names.map((processId) =>
        run(operations, { processId, command: 'echo x; sleep 1000', isBackground: true }),
      ),
    );
    const old = await run(operations, { processId: 'old', command: 'true' });
    await run(operations, { processId: 'torn-end', command: 'true' });
    process.kill(pid, 'SIGKILL');
    await until(() => !isAlive(pid), 'the end');
    const record = (id: string) => join(sandbox.context.stateDir, 'processes', id, 'process.jsonl');
    rewrite(record('other-boot'), (text) => text.replace(/"bootId":"[^"]*"/, '"bootId":"another"'));
    rewrite(record('torn'), (text) => text.slice(0, 20));
    rewrite(record('torn-end'), (text) => text.slice(0, -20));
    rewrite(record('old'), (text) => text.replace(/"finishedAt":"\d{4}/, '"finishedAt":"2001'));
    const daemon = await runDaemon({ directory: join(sandbox.directory, 'host'), idleTimeoutMs: 60_000 });
    const next = createProcessOperations(sandbox.context, await connectTo(daemon?.socketPath ?? ''));
    const listed = await next.listProcesses();
    const states = listed.success ? listed.processes.map(({ processId, state }) => [processId, state]) : [];
    expect(Object.fromEntries(states)).toEqual({ left: 'lost', 'other-boot': 'lost', 'torn-end': 'lost' });
    const lines = readFileSync(record('torn-end'), 'utf8').trim().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ info: { state: 'lost' } });
    expect(old.process.state).toBe('exited');
    const alive = started.map(({ process: { pid: leader } }) => membersOf(leader).length > 0);
    expect(alive).toEqual([false, true, true]);
    for (const { process: left } of started.slice(1))
      if (left.pid !== null) process.kill(-left.pid, 'SIGKILL');
    daemon?.stop();
    await daemon?.ended;
  });

  it('takes over from a lock and a socket that a dead host left', async () => {
    const { pid } = await start();
    process.kill(pid, 'SIGKILL');
    await until(() => !isAlive(pid), 'the end');
    const daemon = await runDaemon({ directory: join(sandbox.directory, 'host'), idleTimeoutMs: 50 });
    await daemon?.ended;
    expect(daemon).toBeDefined();
  });

  it('is refused where the client speaks another version, and replaced', async () => {
    const directory = join(sandbox.directory, 'old');
    const { socketPath } = (await runDaemonThenFree(directory)) ?? { socketPath: '' };
    let asked = false;
    const old: Server = createServer((socket) => {
      socket.on('data', (data: Buffer) => {
        if (data.includes('shutdown')) {
          asked = true;
          socket.destroy();
          old.close();
          rmSync(socketPath, { force: true });
        } else {
          const capabilities = { limits: 'none', isolation: 'none', pty: true };
          socket.write(frame({ type: 'welcome', version: 99, pid: 1, capabilities }));
        }
      });
    });
    await new Promise<void>((resolve) => old.listen(socketPath, resolve));
    await expect(connectProcessHost(socketPath)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      details: { hostVersion: 99 },
    });
    const started = await startProcessHost({ directory });
    daemonPids.push(started.pid);
    expect([asked, started.started]).toEqual([true, true]);
  });
});

async function runDaemonThenFree(directory: string): Promise<{ socketPath: string } | undefined> {
  const daemon = await runDaemon({ directory, idleTimeoutMs: 60_000 });
  daemon?.stop();
  await daemon?.ended;
  return daemon;
}

function rewrite(path: string, change: (text: string) => string): void {
  writeFileSync(path, change(readFileSync(path, 'utf8')));
}

/** One frame of the host's wire format, made by hand. */
function frame(header: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeUInt32LE(json.length, 0);
  prefix.writeUInt32LE(json.length, 4);
  return Buffer.concat([prefix, json]);
}

/** Each round is its number, padded with zeros to the chunk's length. */
function expectRounds(data: Uint8Array, offset: number, chunk: number): void {
  const bytes = Buffer.from(data);
  for (let at = 0; at < bytes.length; ) {
    const round = Math.floor((offset + at) / chunk);
    const inRound = (offset + at) % chunk;
    const length = Math.min(chunk - inRound, bytes.length - at);
    const expected = String(round)
      .padStart(chunk, '0')
      .slice(inRound, inRound + length);
    if (bytes.toString('latin1', at, at + length) !== expected)
      throw new Error(`wrong bytes at ${offset + at}`);
    at += length;
  }
}

interface CuttingProxy {
  path: string;
  cuts: number;
  cut(): void;
  swallowNextAnswer(): void;
  close(): void;
}

/** A relay that drops its connections when told to. */
async function startCuttingProxy(target: string, path: string): Promise<CuttingProxy> {
  const pairs = new Set<[Socket, Socket]>();
  let swallowing = false;
  const server = createServer((down) => {
    const up = connect(target);
    const pair: [Socket, Socket] = [down, up];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      down.destroy();
      up.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    down.on('data', (data) => up.write(data));
    up.on('data', (data) => {
      if (!swallowing) {
        down.write(data);
        return;
      }
      swallowing = false;
      end();
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const proxy: CuttingProxy = {
    path,
    cuts: 0,
    cut: () => {
      proxy.cuts += 1;
      for (const [down, up] of pairs) {
        down.destroy();
        up.destroy();
      }
    },
    swallowNextAnswer: () => {
      swallowing = true;
    },
    close: () => {
      server.close();
      for (const [down] of pairs) down.destroy();
    },
  };
  return proxy;
}
