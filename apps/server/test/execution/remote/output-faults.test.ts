import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type OutputFrame, unwrap } from '@shadow/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RemoteToolExecutor } from '../../../src/execution/remote/remote-tool-executor.ts';
import { until } from '../../support/until.ts';
import { executorOn, TestSidecar, TOKEN } from './support/sidecar.ts';

const isSoak = process.env.SHADOW_SOAK !== undefined;
const KILLS = isSoak ? 200 : 6;
const MIB = 1024 ** 2;
const STALL_BYTES = (isSoak ? 1024 : 256) * MIB;
const MOST_GROWTH = 64 * MIB;

let sidecar: TestSidecar;
let executor: RemoteToolExecutor;

beforeAll(async () => {
  sidecar = await TestSidecar.start();
  executor = await executorOn(sidecar.port, {
    breakAfter: 1_000_000,
    // A sidecar on a busy machine takes seconds to be there again.
    retryDelaysMs: [500, 3000, 20_000],
  });
}, 60_000);

afterAll(async () => {
  await executor.close();
  await sidecar[Symbol.asyncDispose]();
}, 60_000);

describe('kills of the HTTP process', () => {
  it(`lose, repeat and reorder no byte of an output, ${KILLS} of them at random`, async () => {
    const random = seeded(KILLS);
    const end = KILLS * 4000;
    const hash = createHash('sha256');
    let offset = 0;
    let isOver = false;
    // Slow enough to be going on while the sidecar dies; less in all than the ring holds, so that nothing may be missing.
    const command = `for i in $(seq 0 ${KILLS * 4 - 1}); do seq $((i * 1000 + 1)) $((i * 1000 + 1000)); sleep 0.2; done`;
    const running = executor
      .executeCommand(
        { command },
        {
          onOutput: (frame) => {
            expect(frame.offset).toBe(offset);
            offset += frame.data.length;
            hash.update(frame.data);
          },
        },
      )
      .finally(() => {
        isOver = true;
      });
    let kills = 0;
    for (let reached = 0; kills < KILLS && !isOver; kills += 1) {
      const goal = reached + 1 + Math.floor(random() * 8000);
      await until('more output came', () => isOver || offset >= goal);
      reached = offset;
      await sidecar.kill();
      await sidecar.start();
    }
    const { process: ended } = unwrap(await running);
    expect(kills).toBeGreaterThan(0);
    expect(ended).toMatchObject({ state: 'exited', exitCode: 0, outputEnd: offset });
    const counted = Array.from({ length: end }, (_, index) => `${index + 1}\n`).join('');
    expect(hash.digest('hex')).toBe(createHash('sha256').update(counted).digest('hex'));
  }, 600_000);
});

describe('a reader that stalls', () => {
  it.each([
    ['raw', stallOnHttp, '/raw'],
    ['server-sent events', stallOnHttp, '/events'],
    ['a WebSocket', stallOnSocket, '/socket'],
  ] as const)(
    'on %s neither pauses the process nor grows one',
    async (_name, stall, path) => {
      unwrap(await executor.executeCommand({ command: 'head -c 30000000 /dev/zero' }));
      const started = unwrap(
        await executor.executeCommand({
          command: `read go; head -c ${STALL_BYTES} /dev/zero`,
          isBackground: true,
        }),
      );
      const { processId } = started.process;
      const reader = await stall(sidecar.port, `/api/terminal/${processId}${path}?fromOffset=0`);
      const pids = [sidecar.pid, sidecar.hostPid()];
      const before = pids.map(residentBytes);
      const peaks = [...before];
      unwrap(await executor.writeStdin({ processId, data: 'go\n' }));
      // Bounded by the test's own time alone: the full amount takes a busy machine minutes.
      let isOver = false;
      while (!isOver) {
        for (const [index, pid] of pids.entries())
          peaks[index] = Math.max(peaks[index] ?? 0, residentBytes(pid));
        isOver = unwrap(await executor.getProcess({ processId })).process.state === 'exited';
      }
      for (const [index, peak] of peaks.entries())
        expect(peak - (before[index] ?? 0)).toBeLessThan(MOST_GROWTH);
      reader.destroy();
    },
    600_000,
  );

  it('goes on after a declared gap', async () => {
    const bytes = 32 * MIB;
    const { process: writer } = unwrap(
      await executor.executeCommand({ command: `read go; head -c ${bytes} /dev/zero`, isBackground: true }),
    );
    const { processId } = writer;
    const reading = executor.readOutput({ processId, fromOffset: 0, follow: true })[Symbol.asyncIterator]();
    const first = reading.next();
    unwrap(await executor.writeStdin({ processId, data: 'go\n' }));
    const frames: OutputFrame[] = [unwrapNext(await first)];
    await until(
      'the writer ended',
      async () => unwrap(await executor.getProcess({ processId })).process.state === 'exited',
    );
    for (let next = await reading.next(); next.done !== true; next = await reading.next())
      frames.push(next.value);
    expect(frames.some(({ type }) => type === 'gap')).toBe(true);
    expect(frames.at(-1)).toMatchObject({ type: 'end', offset: bytes });
  }, 120_000);
});

function unwrapNext({ done, value }: IteratorResult<OutputFrame>): OutputFrame {
  if (done === true) throw new Error('the output ended');
  return value;
}

/** Begins a stream and never reads of it. */
async function stallOnHttp(port: number, path: string): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    request({ host: '127.0.0.1', port, path, headers }, (response) => {
      if (response.statusCode === 200) resolve(response.pause());
      else reject(new Error(`status ${response.statusCode}`));
    })
      .once('error', reject)
      .end();
  });
}

/** Opens a WebSocket by hand, so that it can be left unread. */
async function stallOnSocket(port: number, path: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: sidecar\r\nAuthorization: Bearer ${TOKEN}\r\nConnection: Upgrade\r\n` +
      'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  const head = await new Promise<Buffer>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('data', resolve);
  });
  socket.pause();
  expect(head.toString('latin1')).toContain('101 Switching Protocols');
  return socket;
}

function residentBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
}

/** Numbers from 0 to 1, the same for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
