import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type FsChange, type OutputFrame, unwrap } from '@shadow/protocol';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRemoteToolExecutor } from '../../../src/execution/remote/create-remote-tool-executor.ts';
import { RemoteToolExecutor } from '../../../src/execution/remote/remote-tool-executor.ts';
import { SidecarClient } from '../../../src/execution/remote/sidecar-client.ts';
import { until } from '../../support/until.ts';
import { CuttingProxy } from './support/cutting-proxy.ts';
import { clientOptions, executorOn, TestSidecar } from './support/sidecar.ts';

let sidecar: TestSidecar;
let proxy: CuttingProxy;
let executor: RemoteToolExecutor;

beforeAll(async () => {
  sidecar = await TestSidecar.start();
  proxy = await CuttingProxy.start(sidecar.port);
  executor = await executorOn(proxy.port);
});

afterAll(async () => {
  await executor.close();
  await proxy[Symbol.asyncDispose]();
  await sidecar[Symbol.asyncDispose]();
});

const CUTS = process.env.SHADOW_SOAK === undefined ? 50 : 1000;
/** Output that differs at every offset, a line each some microseconds. */
const COUNT_TO = (end: number) => `seq 1 ${end}`;
const COUNTED = (end: number) => Array.from({ length: end }, (_, index) => `${index + 1}\n`).join('');

describe('operations', () => {
  it('work on files, search and git over the wire', async () => {
    unwrap(await executor.writeFile({ path: 'a/b.txt', content: 'hello\n' }));
    expect(unwrap(await executor.readFile({ path: 'a/b.txt' })).content).toBe('hello\n');
    unwrap(await executor.searchReplace({ path: 'a/b.txt', oldText: 'hello', newText: 'bye' }));
    expect(unwrap(await executor.grepSearch({ pattern: 'bye' })).matches).toHaveLength(1);
    expect(unwrap(await executor.searchFiles({ query: 'b.txt' })).paths).toContain('a/b.txt');
    expect(unwrap(await executor.codebaseSearch({ query: 'bye' })).snippets).toBeInstanceOf(Array);
    unwrap(await executor.makeDirectory({ path: 'c' }));
    unwrap(await executor.moveFile({ from: 'a/b.txt', to: 'c/d.txt' }));
    expect(unwrap(await executor.statFile({ path: 'c/d.txt' })).size).toBe(4);
    expect(unwrap(await executor.listDirectory({ path: 'c' })).entries).toHaveLength(1);
    unwrap(await executor.executeCommand({ command: 'git init -q -b main' }));
    expect(unwrap(await executor.gitStatus()).clean).toBe(false);
    const author = { name: 'A', email: 'a@example.com' };
    unwrap(await executor.gitCommit({ message: 'first', author }));
    expect(unwrap(await executor.gitLog({})).commits[0]?.subject).toBe('first');
    unwrap(await executor.gitCheckout({ branch: 'other', createFrom: 'HEAD' }));
    expect(unwrap(await executor.gitDiff({ base: 'main' })).files).toEqual([]);
    unwrap(await executor.deleteFile({ path: 'c', recursive: true }));
  });

  it('carry bytes both ways', async () => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256));
    async function* pieces() {
      for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000);
    }
    expect(unwrap(await executor.uploadFile({ path: 'bin', overwrite: true }, pieces())).size).toBe(300_000);
    const file = unwrap(await executor.downloadFile({ path: 'bin', offset: 10 }));
    const got: Uint8Array[] = [];
    for await (const chunk of file.content) got.push(chunk);
    expect([file.path, file.size, Buffer.concat(got).equals(bytes.subarray(10))]).toEqual([
      'bin',
      300_000,
      true,
    ]);
  });

  it('rebuild errors by code, with details', async () => {
    expect(await executor.readFile({ path: 'missing' })).toMatchObject({
      error: { code: 'FILE_NOT_FOUND', retryable: false, details: { path: 'missing' } },
    });
    expect(await executor.downloadFile({ path: 'missing' })).toMatchObject({
      error: { code: 'FILE_NOT_FOUND' },
    });
    expect(await executor.readFile({ path: '../x' })).toMatchObject({
      error: { code: 'PATH_OUTSIDE_WORKSPACE' },
    });
    expect(await executor.getProcess({ processId: '../x' })).toMatchObject({
      error: { code: 'VALIDATION_FAILED' },
    });
    expect(await executor.executeCommand({ command: '' })).toMatchObject({
      error: { code: 'VALIDATION_FAILED' },
    });
    const throwing = (async function* () {
      yield Buffer.from('x');
      throw new Error('source');
    })();
    expect(await executor.uploadFile({ path: 'never' }, throwing)).toMatchObject({
      error: { code: 'INTERNAL' },
    });
    expect(await executor.statFile({ path: 'never' })).toMatchObject({ error: { code: 'FILE_NOT_FOUND' } });
  });

  it('are refused with a wrong token', async () => {
    const made = await createRemoteToolExecutor(
      clientOptions(sidecar.port, { token: 'a-token-for-tests-onlx' }),
    );
    expect(made).toMatchObject({ error: { code: 'TOKEN_INVALID' } });
  });

  it('tell of changes on disk, and that some may be missed after a cut', async () => {
    const ended = new AbortController();
    const changes = executor.watch({ signal: ended.signal })[Symbol.asyncIterator]();
    let count = 0;
    const writer = setInterval(() => writeFileSync(join(sidecar.workspace, 'seen'), String(count++)), 30);
    try {
      await untilSeen(changes);
      proxy.cutAll();
      let next = (await changes.next()).value;
      while (next?.changes.length !== 0) next = (await changes.next()).value;
      expect(next).toEqual({ changes: [], truncated: true });
      await untilSeen(changes);
    } finally {
      clearInterval(writer);
      ended.abort();
    }
    expect((await changes.next()).done).toBe(true);
  });
});

/** A watcher may still tell of what was made just before it began. */
async function untilSeen(changes: AsyncIterator<FsChange>): Promise<void> {
  for (;;) {
    const { value, done } = await changes.next();
    if (done === true) throw new Error('the watch ended');
    if (value.changes.some(({ path }: { path: string }) => path === 'seen')) return;
  }
}

describe('commands', () => {
  it('give streams apart, exit code and live output', async () => {
    const seen: string[] = [];
    const result = unwrap(
      await executor.executeCommand(
        { command: 'echo out; echo err >&2; exit 3' },
        { onOutput: ({ stream }) => seen.push(stream), onStarted: () => seen.push('started') },
      ),
    );
    expect(result).toMatchObject({ stdout: 'out\n', stderr: 'err\n', process: { exitCode: 3 } });
    expect(seen).toEqual(['started', 'stdout', 'stderr']);
  });

  it('run in the background, take input, size and signals', async () => {
    const { process } = unwrap(
      await executor.executeCommand({
        command: 'read a; stty size; sleep 100',
        isBackground: true,
        pty: { columns: 80, rows: 24 },
      }),
    );
    const ref = { processId: process.processId };
    unwrap(await executor.resizeTerminal({ ...ref, columns: 90, rows: 20 }));
    unwrap(await executor.writeStdin({ ...ref, data: 'x\n' }));
    const text = async () => textOf(await framesOf(executor.readOutput(ref)));
    await until('the size was told', async () => (await text()).includes('20 90'));
    unwrap(await executor.signalProcess({ ...ref, signal: 'SIGKILL' }));
    await until('it ended', async () => unwrap(await executor.getProcess(ref)).process.state === 'signaled');
    expect(unwrap(await executor.listProcesses()).processes.map(({ processId }) => processId)).toContain(
      ref.processId,
    );
  });

  it('are ended on the sidecar by an abort, their output kept', async () => {
    const aborter = new AbortController();
    const result = unwrap(
      await executor.executeCommand(
        { command: 'echo before; sleep 100' },
        { signal: aborter.signal, onOutput: () => aborter.abort() },
      ),
    );
    expect(result).toMatchObject({ stdout: 'before\n', process: { state: 'cancelled' } });
  });

  it('run once under one key', async () => {
    const run = () => executor.executeCommand({ command: 'echo ran >> runs' }, { idempotencyKey: 'one' });
    await Promise.all([run(), run(), run()]);
    expect(readFileSync(join(sidecar.workspace, 'runs'), 'utf8')).toBe('ran\n');
  });

  it('are read in part', async () => {
    const { process } = unwrap(await executor.executeCommand({ command: 'printf 0123456789' }));
    const frames = await framesOf(
      executor.readOutput({ processId: process.processId, fromOffset: 2, maxBytes: 3, follow: true }),
    );
    expect([textOf(frames), frames.at(-1)]).toMatchObject(['234', { type: 'end', offset: 5 }]);
    expect(await framesOf(executor.readOutput({ processId: 'none' }))).toMatchObject([
      { type: 'error', error: { code: 'PROCESS_NOT_FOUND' } },
    ]);
  });
});

describe('cuts', () => {
  it(`lose, repeat and reorder no byte of an output cut ${CUTS} times at random`, async () => {
    // Less than the ring holds even for all of them, so that there is nothing to declare as gone.
    const end = CUTS * 1000;
    const random = seeded(CUTS);
    const before = proxy.cuts;
    // Enough for the head of an answer and then some: every connection brings something.
    proxy.plan = () =>
      proxy.cuts - before < CUTS ? 700 + Math.floor(random() * (end / CUTS) * 8) : undefined;
    proxy.cutAll();
    const hash = createHash('sha256');
    let offset = 0;
    const { process } = unwrap(
      await executor.executeCommand(
        { command: COUNT_TO(end) },
        {
          onOutput: (frame) => {
            expect(frame.offset).toBe(offset);
            offset += frame.data.length;
            hash.update(frame.data);
          },
        },
      ),
    );
    proxy.plan = () => undefined;
    expect(process.outputEnd).toBe(offset);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(COUNTED(end)).digest('hex'));
    expect(proxy.cuts - before).toBeGreaterThan(CUTS / 2);
  }, 600_000);

  it('do not make a keyed write happen twice', async () => {
    for (let round = 0; round < 10; round += 1) {
      writeFileSync(join(sidecar.workspace, 'keyed'), '1');
      let cuts = 0;
      // The answer is cut off after its first bytes; the mutation has happened by then.
      proxy.plan = () => (cuts++ < 2 ? 20 : undefined);
      proxy.cutAll();
      unwrap(await executor.searchReplace({ path: 'keyed', oldText: '1', newText: '11' }));
      expect(readFileSync(join(sidecar.workspace, 'keyed'), 'utf8')).toBe('11');
    }
    proxy.plan = () => undefined;
  });

  it('end an output whose connections bring nothing, and a download', async () => {
    const { process } = unwrap(await executor.executeCommand({ command: 'head -c 500000 /dev/zero' }));
    proxy.plan = () => 10;
    proxy.cutAll();
    const impatient = new RemoteToolExecutor(
      new SidecarClient(clientOptions(proxy.port, { retryDelaysMs: [1, 1, 1], breakAfter: 100 })),
      executor.capabilities,
    );
    const frames = await framesOf(impatient.readOutput({ processId: process.processId, follow: true }));
    expect(frames).toMatchObject([{ type: 'error', error: { code: 'UNAVAILABLE', retryable: true } }]);
    unwrap(await (await executorOn(sidecar.port)).writeFile({ path: 'large', content: 'x'.repeat(500_000) }));
    proxy.plan = () => 5000;
    const file = unwrap(await impatient.downloadFile({ path: 'large' }));
    await expect(framesOf(file.content)).rejects.toMatchObject({ code: 'STREAM_INTERRUPTED' });
    proxy.plan = () => undefined;
    await impatient.close();
  });

  it('by a kill of the sidecar lose nothing of a running command', async () => {
    const running = executor.executeCommand({
      command: 'for i in $(seq 1 40); do echo $i; sleep 0.05; done',
      processId: 'survivor',
    });
    await until(
      'output came',
      async () => textOf(await framesOf(executor.readOutput({ processId: 'survivor' }))) !== '',
    );
    await sidecar.kill();
    await sidecar.start();
    const result = unwrap(await running);
    expect(result).toMatchObject({ stdout: COUNTED(40), process: { state: 'exited', exitCode: 0 } });
  });

  it('by a kill of the process host are told as lost, with what was recorded', async () => {
    const running = executor.executeCommand(
      { command: 'echo recorded; sleep 100', processId: 'victim' },
      { onOutput: () => process.kill(sidecar.hostPid(), 'SIGKILL') },
    );
    expect(await running).toMatchObject({ error: { code: 'PROCESS_LOST' } });
    expect(textOf(await framesOf(executor.readOutput({ processId: 'victim', fromOffset: 0 })))).toBe(
      'recorded\n',
    );
  });
});

describe('a sidecar that is not well', () => {
  const serve = async (listener: RequestListener) => {
    const server: Server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { server, port: (server.address() as AddressInfo).port };
  };
  const answer =
    (status: number, body: unknown): RequestListener =>
    (_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
  const coded = (code: string) => ({ error: { code, message: code, retryable: false } });

  const client = (port: number, lines: string[], options = {}) =>
    new RemoteToolExecutor(
      new SidecarClient({
        ...clientOptions(port, { retryDelaysMs: [1, 1, 1], halfOpenAfterMs: 50, ...options }),
        log: pino({}, { write: (line: string) => lines.push(line) }),
      }),
      executor.capabilities,
    );

  it('is tried four times, then left alone, then tried again', async () => {
    let calls = 0;
    let isWell = false;
    const { server, port } = await serve((request, response) => {
      calls += 1;
      if (isWell) answer(404, coded('FILE_NOT_FOUND'))(request, response);
      else answer(503, {})(request, response);
    });
    const lines: string[] = [];
    const remote = client(port, lines, { halfOpenAfterMs: 300 });
    expect(await remote.statFile({ path: 'x' })).toMatchObject({ error: { code: 'UNAVAILABLE' } });
    expect(calls).toBe(4);
    expect(await remote.statFile({ path: 'x' })).toMatchObject({
      error: { code: 'CIRCUIT_OPEN', retryable: true },
    });
    expect(calls).toBe(5);
    isWell = true;
    await until('the breaker half-opens', async () => !isOpen(await remote.statFile({ path: 'x' })));
    const states = lines.map((line) => /breaker (\S+?):? /.exec(line)?.[1]);
    expect(states).toEqual(['opened:', 'half-open:', 'closed:'].map((state) => state.slice(0, -1)));
    expect(lines.every((line) => line.includes('[REMOTE_TOOL]'))).toBe(true);
    server.close();
    await remote.close();
  });

  const isOpen = (result: { success: boolean; error?: { code: string } }) =>
    result.error?.code === 'CIRCUIT_OPEN';

  it('is well as long as it answers, whatever a caller did wrong', async () => {
    let calls = 0;
    const { server, port } = await serve((request, response) => {
      calls += 1;
      answer(calls % 2 === 0 ? 409 : 500, coded(calls % 2 === 0 ? 'TEXT_NOT_FOUND' : 'GIT_FAILED'))(
        request,
        response,
      );
    });
    const remote = client(port, []);
    for (let count = 0; count < 20; count += 1) {
      expect(isOpen(await remote.writeFile({ path: 'x', content: '' }))).toBe(false);
    }
    expect(calls).toBe(20);
    server.close();
    await remote.close();
  });

  it('is not believed when its answer is of another form', async () => {
    const { server, port } = await serve(answer(200, { what: 'ever' }));
    const remote = client(port, []);
    expect(await remote.readFile({ path: 'x' })).toMatchObject({ error: { code: 'INTERNAL' } });
    expect(await remote.downloadFile({ path: 'x' })).toMatchObject({ error: { code: 'INTERNAL' } });
    expect(await remote.executeCommand({ command: 'true' })).toMatchObject({ success: false });
    server.close();
    await remote.close();
  });

  it('is not waited for beyond the time of a call, nor after an abort', async () => {
    const { server, port } = await serve(() => {});
    const remote = client(port, [], { timeoutMs: 200 });
    expect(await remote.readFile({ path: 'x' })).toMatchObject({ error: { code: 'TIMEOUT' } });
    const aborted = AbortSignal.timeout(50);
    expect(await remote.readFile({ path: 'x' }, { signal: aborted })).toMatchObject({
      error: { code: 'CANCELLED' },
    });
    expect(await remote.readFile({ path: 'x' }, { signal: aborted })).toMatchObject({
      error: { code: 'CANCELLED' },
    });
    server.closeAllConnections();
    server.close();
    await remote.close();
  });

  it('is reported as unavailable when nobody is there, at once after an abort', async () => {
    const { server, port } = await serve(() => {});
    await new Promise((resolve) => server.close(resolve));
    expect(await createRemoteToolExecutor(clientOptions(port, { retryDelaysMs: [1] }))).toMatchObject({
      error: { code: 'UNAVAILABLE' },
    });
    const remote = client(port, [], { retryDelaysMs: [60_000] });
    const signal = AbortSignal.timeout(50);
    expect(await remote.statFile({ path: 'x' }, { signal })).toMatchObject({ error: { code: 'CANCELLED' } });
    await remote.close();
  });
});

async function framesOf<T>(frames: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const frame of frames) all.push(frame);
  return all;
}

function textOf(frames: readonly OutputFrame[]): string {
  return frames.map((frame) => (frame.type === 'data' ? Buffer.from(frame.data).toString() : '')).join('');
}

/** Numbers from 0 to 1, the same ones for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}
