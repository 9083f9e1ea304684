import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OutputWireFrame } from '@shadow/protocol';
import { OutputFrameDecoder } from '@shadow/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import {
  answerOf,
  eventsIn,
  framesIn,
  makePlace,
  type Place,
  type Served,
  startInProcess,
  TOKEN,
  until,
} from './support/sidecar.ts';

let place: Place;
let sidecar: Served & { close(): Promise<void> };

beforeAll(async () => {
  place = makePlace();
  sidecar = await startInProcess(place);
});

afterAll(async () => {
  await sidecar.close();
  await place.remove();
});

const put = (id: string, json: object, accept?: string) =>
  sidecar.call('PUT', `/api/execute/${id}`, {
    json,
    ...(accept === undefined ? {} : { headers: { accept } }),
  });

describe('a command', () => {
  it('answers with its result after its end', async () => {
    const response = await put('result', { command: 'echo out; echo err >&2; exit 3' });
    expect(await response.json()).toMatchObject({
      created: true,
      process: { state: 'exited', exitCode: 3 },
      result: { stdout: 'out\n', stderr: 'err\n' },
    });
  });

  it('runs once however often it is put, and refuses another command under its id', async () => {
    const json = { command: 'echo ran >> runs; cat runs' };
    const answers = await Promise.all(
      ['once', 'once', 'once'].map(async (id) => answerOf(await put(id, json))),
    );
    expect(answers.map(({ result }) => result?.stdout)).toEqual(['ran\n', 'ran\n', 'ran\n']);
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    const other = await put('once', { command: 'echo other' });
    expect([other.status, await other.json()]).toMatchObject([
      409,
      { error: { code: 'IDEMPOTENCY_MISMATCH' } },
    ]);
  });

  it('streams as frames and as events', async () => {
    const frames = await framesIn(
      await put('frames', { command: 'printf abc' }, 'application/vnd.shadow.output-frames'),
    );
    expect(frames.map(({ type }) => type)).toEqual(['started', 'data', 'end']);
    const events = await eventsIn(await put('events', { command: 'printf abc' }, 'text/event-stream'));
    expect(events.map(({ event }) => event)).toEqual(['started', 'data', 'end']);
    expect(events[1]).toMatchObject({ id: '3', data: { offset: 0, data: 'YWJj' } });
  });

  it('takes input, and signals reach its group', async () => {
    await put('reader', { command: 'read line; echo "got $line"; sleep 100', isBackground: true });
    await sidecar.call('POST', '/api/execute/reader/stdin', { json: { data: 'it\n' }, key: 'in-1' });
    const history = async () => answerOf(await sidecar.call('GET', '/api/terminal/reader/history'));
    await until(async () => (await history()).nextOffset === 7, 'the echo');
    await sidecar.call('POST', '/api/execute/reader/signal', { json: { signal: 'SIGTERM' } });
    const stream = await framesIn(await sidecar.call('GET', '/api/terminal/reader/raw'));
    expect(stream.at(-1)).toMatchObject({ type: 'end', process: { state: 'signaled', signal: 'SIGTERM' } });
    const late = await sidecar.call('POST', '/api/execute/reader/stdin', { json: { data: 'x' } });
    expect(await late.json()).toMatchObject({ error: { code: 'PROCESS_NOT_RUNNING' } });
  });

  it('goes on when the caller that started it goes away, until it is cancelled', async () => {
    const gone = new AbortController();
    const response = await sidecar.call('PUT', '/api/execute/stays', {
      json: { command: 'sleep 100' },
      headers: { accept: 'text/event-stream' },
      signal: gone.signal,
    });
    await eventsIn(response, ({ event }) => event === 'started');
    gone.abort();
    const process = async () => (await answerOf(await sidecar.call('GET', '/api/execute/stays'))).process;
    expect(await process()).toMatchObject({ state: 'running' });
    await sidecar.call('POST', '/api/execute/stays/cancel');
    expect(await process()).toMatchObject({ state: 'cancelled' });
  });

  it('that was cancelled before its start arrived is never started', async () => {
    const early = await sidecar.call('POST', '/api/execute/early/cancel');
    expect(early.status).toBe(404);
    const started = await put('early', { command: 'touch started-after-all' });
    expect(await started.json()).toMatchObject({ error: { code: 'CANCELLED' } });
    const stat = await sidecar.call('POST', '/api/files/stat', { json: { path: 'started-after-all' } });
    expect(stat.status).toBe(404);
  });

  it('is listed', async () => {
    await put('listed', { command: 'true' });
    const { processes } = await answerOf(await sidecar.call('GET', '/api/execute'));
    expect(processes).toContainEqual(expect.objectContaining({ processId: 'listed' }));
  });

  it('that is not there is not found', async () => {
    for (const path of [
      '/api/terminal/none/raw',
      '/api/terminal/none/events',
      '/api/terminal/none/history',
    ]) {
      expect((await sidecar.call('GET', path)).status).toBe(404);
    }
  });
});

describe('output', () => {
  it('is read by offset in pages', async () => {
    await put('pages', { command: 'printf 0123456789' });
    const page = async (query: string) =>
      answerOf(await sidecar.call('GET', `/api/terminal/pages/history?${query}`));
    expect(await page('fromOffset=2&maxBytes=3')).toMatchObject({
      frames: [{ offset: 2, data: Buffer.from('234').toString('base64') }],
      nextOffset: 5,
    });
    expect((await page('fromOffset=10')).frames).toEqual([]);
  });

  it('goes on after the last event that a client saw', async () => {
    await put('resume', { command: 'printf 0123456789' });
    const response = await sidecar.call('GET', '/api/execute/resume/stream?fromOffset=1', {
      headers: { 'last-event-id': '4' },
    });
    const [first] = await eventsIn(response);
    expect(first).toMatchObject({ data: { offset: 4, data: Buffer.from('456789').toString('base64') } });
  });

  it('declares what is gone', async () => {
    await put('flood', { command: 'head -c 20000000 /dev/zero' });
    const frames = await framesIn(await sidecar.call('GET', '/api/terminal/flood/raw?fromOffset=0'));
    expect(frames[0]).toMatchObject({ type: 'gap', fromOffset: 0 });
    expect(extentOf(frames)).toBe(20_000_000);
  });
});

/** Checks that frames follow each other without hole or overlap; gives where they end. */
function extentOf(frames: readonly OutputWireFrame[]): number {
  let offset = 0;
  for (const frame of frames) {
    if (frame.type === 'gap') {
      expect(frame.fromOffset).toBe(offset);
      offset = frame.toOffset;
    } else if (frame.type === 'data') {
      expect(frame.offset).toBe(offset);
      offset += frame.data.length;
    }
  }
  return offset;
}

describe('watching', () => {
  it('tells of changes', async () => {
    const response = await sidecar.call('GET', '/api/files/watch');
    let count = 0;
    const writer = setInterval(() => writeFileSync(join(place.workspace, 'watched'), String(count++)), 50);
    try {
      const [event] = await eventsIn(response, () => true);
      expect(event).toMatchObject({ event: 'change', data: { changes: [{ path: 'watched' }] } });
    } finally {
      clearInterval(writer);
    }
  });
});

describe('the terminal’s socket', () => {
  const open = (id: string, token = TOKEN) =>
    new WebSocket(`${sidecar.url.replace('http', 'ws')}/api/terminal/${id}/socket`, {
      headers: { authorization: `Bearer ${token}` },
    });
  const closed = (socket: WebSocket) => new Promise<number>((resolve) => socket.once('close', resolve));
  const refusal = (socket: WebSocket) =>
    new Promise<number | undefined>((resolve) => {
      socket.on('error', () => {});
      socket.once('unexpected-response', (_request, response) => resolve(response.statusCode));
    });

  it('carries typing, output and size', async () => {
    await put('pty', {
      command: 'read a; stty size; read b; echo "<$a$b>"',
      isBackground: true,
      pty: { columns: 80, rows: 24 },
    });
    const socket = open('pty');
    let text = '';
    const decoder = new OutputFrameDecoder();
    socket.on('message', (data: Buffer) => {
      for (const frame of decoder.push(data))
        if (frame.type === 'data') text += Buffer.from(frame.data).toString();
    });
    await new Promise((resolve) => socket.once('open', resolve));
    const typed = Buffer.from('ä\n');
    socket.send(JSON.stringify({ type: 'resize', columns: 100, rows: 30 }));
    socket.send(typed.subarray(0, 1));
    socket.send(typed.subarray(1));
    await until(() => text.includes('30 100'), 'the new size');
    socket.send(JSON.stringify({ type: 'input', data: 'z\n' }));
    expect(await closed(socket)).toBe(1000);
    expect(text).toContain('<äz>');
  });

  it('is closed to a wrong token, an unknown process and another path', async () => {
    expect(await refusal(open('pty', 'a-token-for-tests-onlx'))).toBe(401);
    expect(await refusal(open('none'))).toBe(404);
    expect(await refusal(open('a/b'))).toBe(404);
  });

  it('ends on what it does not understand', async () => {
    await put('pty2', { command: 'sleep 100', isBackground: true, pty: { columns: 80, rows: 24 } });
    const socket = open('pty2');
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send('nonsense');
    expect(await closed(socket)).toBe(4400);
    await sidecar.call('POST', '/api/execute/pty2/cancel');
  });

  it('says why input does not arrive', async () => {
    await put('no-input', { command: 'true', isBackground: true });
    const socket = open('no-input');
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(JSON.stringify({ type: 'input', data: 'x' }));
    expect(await closed(socket)).toBeGreaterThanOrEqual(1000);
  }, 20_000);
});
