import { createConnection } from 'node:net';
import { type OutputFrame, ShadowError, type TaskEventBody } from '@shadow/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openTestDatabase, type TestDatabase } from '../access/support/database.ts';
import { startServer, type TestServer } from '../http/support/server.ts';
import { until } from '../support/until.ts';
import { connect, disconnected, type TestClient } from './support/client.ts';

let database: TestDatabase;
let server: TestServer;
let apiKey: string;
let userId: string;
let clients: TestClient[] = [];

const limits = {
  pauseBytes: 64 * 1024,
  maxQueuedBytes: 1024 * 1024,
  credentialCheckMs: 50,
  maxFollows: 2,
  maxSubscriptions: 2,
};

beforeAll(async () => {
  database = await openTestDatabase();
  server = await startServer(database.prisma, { basePath: '/shadow', limits });
  const signedIn = await server.access.signIn(await server.access.issueSignInToken(), {});
  userId = signedIn.principal.user.id;
  apiKey = (await server.access.createApiKey(userId, { name: 'test' })).key;
  for (const id of ['one', 'two', 'three']) server.tasks.add(userId, id);
});
afterEach(() => {
  for (const client of clients) client.socket.close();
  clients = [];
});
afterAll(async () => {
  await server?.close();
  await database?.close();
});

async function newClient(
  credentials: Parameters<typeof connect>[1] = { apiKey },
  transports?: string[],
): Promise<TestClient> {
  const options = { basePath: '/shadow', ...(transports === undefined ? {} : { transports }) };
  const client = await connect(server, credentials, options);
  clients.push(client);
  return client;
}

const title = (text: string): TaskEventBody => ({ type: 'title', title: text });

describe('opening a socket', () => {
  it.each([['polling'], ['websocket'], ['polling', 'websocket']])(
    'works over %s with a key',
    async (...transports) => {
      const client = await newClient({ apiKey }, transports);
      const ack = await client.send('task:subscribe', { taskId: 'one', afterSeq: 0 });
      expect(ack).toEqual({ success: true });
      const before = client.events('one').length;
      await server.log.append({ taskId: 'one', userId }, [title('x')]);
      await until('the event came', () => client.events('one').length > before);
    },
  );

  it('works with the key as a header and with a session from our own page', async () => {
    await newClient({ headers: { 'x-api-key': apiKey } });
    await newClient({ cookie: await server.signIn() });
    await newClient({ cookie: await server.signIn(), headers: { origin: server.origin } });
  });

  it('is refused to another site, whatever it brings', async () => {
    const headers = { origin: 'https://evil.example' };
    await expect(newClient({ cookie: await server.signIn(), headers })).rejects.toThrow();
    await expect(newClient({ apiKey, headers })).rejects.toThrow();
  });

  it('is refused with a wrong key, as data', async () => {
    await expect(newClient({ apiKey: 'shadow_wrong' })).rejects.toMatchObject({
      data: { error: { code: 'UNAUTHENTICATED' } },
    });
  });
});

describe('an open socket', () => {
  it('is closed when its session is signed out, and only that one', async () => {
    const [cookie, other] = [await server.signIn(), await server.signIn()];
    const [client, stays] = [await newClient({ cookie }), await newClient({ cookie: other })];
    await fetch(`${server.url}/api/sign-out`, { method: 'POST', headers: { cookie, origin: server.origin } });
    await disconnected(client.socket);
    expect(await stays.send('task:unsubscribe', { taskId: 'one' })).toEqual({ success: true });
  });

  it('is closed when its key is revoked', async () => {
    const made = await server.access.createApiKey(userId, { name: 'short' });
    const client = await newClient({ apiKey: made.key });
    await server.access.deleteApiKey(userId, made.apiKey.id);
    await disconnected(client.socket);
  });

  it('is closed when its key expires or is revoked by another server', async () => {
    const made = await server.access.createApiKey(userId, { name: 'short' });
    const client = await newClient({ apiKey: made.key });
    await database.prisma.apiKey.delete({ where: { id: made.apiKey.id } });
    await disconnected(client.socket);
  });

  it('hears of changes in the task list of its user alone', async () => {
    const client = await newClient();
    const changed: string[] = [];
    const deleted: string[] = [];
    client.socket.on('task:changed', ({ task }) => changed.push(task.id));
    client.socket.on('task:deleted', ({ taskId }) => deleted.push(taskId));
    server.tasks.announce({ userId: 'somebody-else', task: server.tasks.add('somebody-else', 'foreign') });
    server.tasks.announce({ userId, task: await server.tasks.get(userId, 'two') });
    server.tasks.announce({ userId, deletedTaskId: 'gone' });
    await until('the deletion came', () => deleted.length > 0);
    expect([changed, deleted]).toEqual([['two'], ['gone']]);
  });

  it('can follow only so many tasks and processes', async () => {
    const client = await newClient();
    const follow = (name: 'task:subscribe' | 'process:follow', id: string) =>
      client.send(
        name,
        name === 'task:subscribe'
          ? { taskId: id, afterSeq: 0 }
          : { taskId: 'one', processId: id, fromOffset: 0 },
      );
    server.tasks.output = async function* (signal) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      yield* [];
    };
    const tooMany = { success: false, error: { code: 'RESOURCE_LIMIT' } };
    for (const id of ['one', 'two']) expect(await follow('task:subscribe', id)).toEqual({ success: true });
    expect(await follow('task:subscribe', 'three')).toMatchObject(tooMany);
    expect(await follow('task:subscribe', 'two')).toEqual({ success: true });
    for (const id of ['p1', 'p2']) expect(await follow('process:follow', id)).toEqual({ success: true });
    expect(await follow('process:follow', 'p3')).toMatchObject(tooMany);
    await client.send('process:unfollow', { taskId: 'one', processId: 'p1' });
    expect(await follow('process:follow', 'p3')).toEqual({ success: true });
  });
});

describe('output of a process', () => {
  const follow = (client: TestClient, processId = 'p', fromOffset = 0) =>
    client.send('process:follow', { taskId: 'one', processId, fromOffset });

  it('comes as binary frames from the offset on, with gaps and the end', async () => {
    const bytes = Buffer.from([0, 255, 10, 128]);
    const end: OutputFrame = {
      type: 'end',
      offset: 14,
      process: {
        processId: 'p',
        command: 'x',
        cwd: '.',
        state: 'exited',
        isBackground: false,
        isPty: false,
        pid: null,
        exitCode: 0,
        signal: null,
        startedAt: new Date().toISOString(),
        finishedAt: null,
        outputEnd: 14,
        outputStart: 0,
      },
    };
    server.tasks.output = async function* (_signal, fromOffset) {
      yield { type: 'gap', fromOffset, toOffset: 10 };
      // A view into a larger buffer: only the view may be sent.
      yield {
        type: 'data',
        offset: 10,
        stream: 'stdout',
        data: new Uint8Array(Buffer.concat([bytes, bytes]).buffer.slice(0)).subarray(0, 0),
      };
      yield {
        type: 'data',
        offset: 10,
        stream: 'stdout',
        data: Buffer.concat([Buffer.from('xx'), bytes]).subarray(2),
      };
      yield end;
    };
    const client = await newClient();
    expect(await follow(client, 'p', 4)).toEqual({ success: true });
    await until('all frames came', () => client.frames.length === 4);
    expect(client.frames[0]).toEqual({ type: 'gap', fromOffset: 4, toOffset: 10 });
    expect(client.frames[2]).toMatchObject({ type: 'data', offset: 10, stream: 'stdout' });
    const data = client.frames[2]?.type === 'data' ? client.frames[2].data : new Uint8Array();
    expect(Buffer.from(data)).toEqual(bytes);
    expect(client.frames[3]).toEqual(end);
  });

  it('that fails says why', async () => {
    // biome-ignore lint/correctness/useYield: it fails before it has anything
    server.tasks.output = async function* () {
      throw new ShadowError('PROCESS_NOT_FOUND', 'No such process.');
    };
    const client = await newClient();
    await follow(client);
    await until('the error came', () => client.frames.length === 1);
    expect(client.frames[0]).toMatchObject({ type: 'error', error: { code: 'PROCESS_NOT_FOUND' } });
  });

  it('stops with unfollow and when the socket is gone', async () => {
    const aborted: string[] = [];
    const client = await newClient();
    for (const [processId, end] of [
      ['p1', () => client.send('process:unfollow', { taskId: 'one', processId: 'p1' })],
      ['p2', () => client.socket.close()],
    ] as const) {
      server.tasks.output = async function* (signal) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        aborted.push(processId);
        yield* [];
      };
      await follow(client, processId);
      await end();
      await until('the stream was stopped', () => aborted.includes(processId));
    }
  });

  it('is not pulled while the socket does not read', async () => {
    let pulled = 0;
    const chunk = Buffer.alloc(64 * 1024);
    server.tasks.output = async function* (signal) {
      while (!signal.aborted) {
        pulled += chunk.byteLength;
        yield { type: 'data', offset: pulled, stream: 'stdout', data: chunk };
        if (pulled > 256 * 1024 * 1024) return;
      }
    };
    const slow = await deafClient(['process:follow', { taskId: 'one', processId: 'p', fromOffset: 0 }]);
    let before = -1;
    // Settled when the system's own socket buffers are full, too.
    await until('nothing more was pulled', () => {
      const settled = pulled === before && pulled > 0;
      before = pulled;
      return settled;
    });
    expect(pulled).toBeLessThan(64 * 1024 * 1024);
    slow.destroy();
  });
});

describe('a client that does not read', () => {
  it('is closed when too much waits for it, and the others go on', async () => {
    const client = await newClient();
    await client.send('task:subscribe', { taskId: 'three', afterSeq: 0 });
    const slow = await deafClient(['task:subscribe', { taskId: 'three', afterSeq: 0 }]);
    const dropped = async () =>
      (await server.metrics.socketsDropped.get()).values.find(({ labels }) => labels.reason === 'slow')
        ?.value ?? 0;
    const text = 'x'.repeat(256 * 1024);
    let count = 0;
    while ((await dropped()) === 0 && count < 400) {
      await server.log.append({ taskId: 'three', userId }, [title(text)]);
      count += 1;
      await until('the other client has it', () => client.events('three').length >= count);
    }
    expect(await dropped()).toBe(1);
    slow.destroy();
  });
});

describe('closing the gateway', () => {
  it('ends every socket, stops listening and takes no new one', async () => {
    const own = await startServer(database.prisma);
    const signedIn = await own.access.signIn(await own.access.issueSignInToken(), {});
    const { key } = await own.access.createApiKey(signedIn.principal.user.id, { name: 'x' });
    const client = await connect(own, { apiKey: key });
    expect(own.log.listeners).toBe(1);
    await own.gateway.close();
    await disconnected(client.socket);
    expect(own.log.listeners).toBe(0);
    await expect(connect(own, { apiKey: key })).rejects.toThrow();
    expect((await fetch(`${own.url}/api/health`)).status).toBe(200);
    await own.close();
  });
});

/** A WebSocket spoken by hand that sends a command and then never reads again. */
async function deafClient(command: [name: string, payload: object]) {
  const { hostname, port } = new URL(server.origin);
  const socket = createConnection({ host: hostname, port: Number(port) });
  const text = () =>
    new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString('latin1'))));
  socket.on('error', () => undefined);
  socket.write(
    [
      'GET /shadow/socket.io/?EIO=4&transport=websocket HTTP/1.1',
      `Host: ${hostname}:${port}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      '',
      '',
    ].join('\r\n'),
  );
  let seen = await text();
  while (!seen.includes('"sid"')) seen += await text();
  socket.write(frame(`40${JSON.stringify({ apiKey })}`));
  seen = await text();
  socket.write(frame(`420${JSON.stringify(command)}`));
  while (!seen.includes('430[')) seen += await text();
  socket.pause();
  return socket;
}

/** A masked text frame as RFC 6455, section 5.2 has it; a mask of zeros changes nothing. */
function frame(text: string): Buffer {
  const payload = Buffer.from(text);
  const length =
    payload.length < 126 ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([0x81, ...length, 0, 0, 0, 0]), payload]);
}
