import type { TaskEventBody } from '@shadow/protocol';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openTestDatabase, type TestDatabase } from '../access/support/database.ts';
import { startServer, type TestServer } from '../http/support/server.ts';
import { until } from '../support/until.ts';
import { connect, numbers, type TestClient } from './support/client.ts';

let database: TestDatabase;
let server: TestServer;
let apiKey: string;
let userId: string;
let clients: TestClient[] = [];
let taskCount = 0;

beforeAll(async () => {
  database = await openTestDatabase();
  const limits = { replayPage: 10, maxPendingEvents: 20, gatherMs: 1 };
  server = await startServer(database.prisma, { limits });
  const signedIn = await server.access.signIn(await server.access.issueSignInToken(), {});
  userId = signedIn.principal.user.id;
  apiKey = (await server.access.createApiKey(userId, { name: 'test' })).key;
});
afterEach(() => {
  for (const client of clients) client.socket.close();
  clients = [];
  server.log.afterRead = async () => undefined;
});
afterAll(async () => {
  await server?.close();
  await database?.close();
});

const bodies = (count: number): TaskEventBody[] =>
  Array.from({ length: count }, (_, index) => ({ type: 'title', title: `title ${index}` }));

function newTask(owner = userId): string {
  taskCount += 1;
  const id = `task-${taskCount}`;
  server.tasks.add(owner, id);
  return id;
}

async function newClient(): Promise<TestClient> {
  const client = await connect(server, { apiKey });
  clients.push(client);
  return client;
}

const seqs = (client: TestClient, taskId: string) => client.events(taskId).map((event) => event.seq);
const append = (taskId: string, count: number) => server.log.append({ taskId, userId }, bodies(count));
const store = (taskId: string, count: number) => server.log.store(taskId, bodies(count));
/** Longer than live events are gathered, so that what was announced is on its way. */
const flushed = () => new Promise((resolve) => setTimeout(resolve, 4));
const received = (client: TestClient, taskId: string, last: number) =>
  until(`event ${last} came`, () => (seqs(client, taskId).at(-1) ?? 0) >= last);

describe('following a task', () => {
  it('brings everything from the start in order, then what happens', async () => {
    const task = newTask();
    await append(task, 35);
    const client = await newClient();
    expect(await client.send('task:subscribe', { taskId: task, afterSeq: 0 })).toEqual({ success: true });
    await received(client, task, 35);
    await append(task, 3);
    await append(task, 1);
    await received(client, task, 39);
    expect(seqs(client, task)).toEqual(numbers(39));
    expect(client.events(task)[0]).toMatchObject({ type: 'title', title: 'title 0', seq: 1 });
  });

  it('brings exactly what a client missed', async () => {
    const task = newTask();
    await append(task, 35);
    const client = await newClient();
    await client.send('task:subscribe', { taskId: task, afterSeq: 33 });
    await append(task, 1);
    await received(client, task, 36);
    expect(seqs(client, task)).toEqual([34, 35, 36]);
  });

  it('does not repeat an event that was read from the log before it was announced', async () => {
    const task = newTask();
    const stored = store(task, 3);
    const client = await newClient();
    await client.send('task:subscribe', { taskId: task, afterSeq: 0 });
    await received(client, task, 3);
    server.log.announce({ taskId: task, userId, events: stored });
    await append(task, 1);
    await append(task, 1);
    await received(client, task, 5);
    expect(seqs(client, task)).toEqual(numbers(5));
  });

  it('does not repeat events that were read before they were announced one by one', async () => {
    const task = newTask();
    const batches = [store(task, 3), store(task, 2), store(task, 4)];
    const client = await newClient();
    await client.send('task:subscribe', { taskId: task, afterSeq: 0 });
    await received(client, task, 9);
    for (const events of batches) {
      server.log.announce({ taskId: task, userId, events });
      await flushed();
    }
    await append(task, 1);
    await received(client, task, 10);
    expect(seqs(client, task)).toEqual(numbers(10));
  });

  it('does not lose an event that was announced while the log was being read', async () => {
    const task = newTask();
    await append(task, 2);
    server.log.afterRead = async () => {
      server.log.afterRead = async () => undefined;
      await append(task, 2);
    };
    const client = await newClient();
    await client.send('task:subscribe', { taskId: task, afterSeq: 0 });
    await received(client, task, 4);
    expect(seqs(client, task)).toEqual(numbers(4));
  });

  it('goes back to the log when more happens during the replay than is kept for a client', async () => {
    const task = newTask();
    await append(task, 2);
    const observer = await newClient();
    await observer.send('task:subscribe', { taskId: task, afterSeq: 0 });
    await received(observer, task, 2);
    server.log.afterRead = async () => {
      server.log.afterRead = async () => undefined;
      for (let count = 0; count < 10; count += 1) await append(task, 9);
      await received(observer, task, 92);
    };
    const client = await newClient();
    await client.send('task:subscribe', { taskId: task, afterSeq: 0 });
    await append(task, 1);
    await received(client, task, 93);
    expect(seqs(client, task)).toEqual(numbers(93));
  });

  it('has neither gap nor duplicate however storing, announcing, reading and subscribing interleave', async () => {
    const step = fc.constantFrom('store', 'announce', 'subscribe', 'breathe');
    const plan = fc.array(fc.tuple(step, fc.integer({ min: 1, max: 12 })), { minLength: 5, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(plan, fc.scheduler(), async (steps, scheduler) => {
        const task = newTask();
        const started: TestClient[] = [];
        const pending: ReturnType<typeof store>[] = [];
        const announce = () => {
          const events = pending.shift();
          if (events !== undefined) server.log.announce({ taskId: task, userId, events });
        };
        server.log.afterRead = () => scheduler.schedule(Promise.resolve());
        for (const [name, count] of steps) {
          if (name === 'store') pending.push(store(task, count));
          if (name === 'announce') announce();
          if (name === 'breathe' && scheduler.count() > 0) await scheduler.waitOne();
          if (name === 'breathe') await flushed();
          if (name === 'subscribe' && started.length < 4) {
            const client = await newClient();
            started.push(client);
            await client.send('task:subscribe', { taskId: task, afterSeq: 0 });
          }
        }
        server.log.afterRead = async () => undefined;
        while (scheduler.count() > 0) await scheduler.waitOne();
        await flushed();
        while (pending.length > 0) {
          announce();
          if (pending.length % 2 === 0) await flushed();
        }
        await append(task, 1);
        const last = server.log.lastSeq(task);
        for (const client of started) {
          await received(client, task, last);
          expect(seqs(client, task)).toEqual(numbers(last));
        }
      }),
      { numRuns: process.env.SHADOW_SOAK === undefined ? 25 : 1000, endOnFailure: true },
    );
  }, 600_000);

  it('starts again where a second subscription says', async () => {
    const task = newTask();
    await append(task, 5);
    const client = await newClient();
    await client.send('task:subscribe', { taskId: task, afterSeq: 0 });
    await received(client, task, 5);
    await client.send('task:subscribe', { taskId: task, afterSeq: 3 });
    await append(task, 1);
    await received(client, task, 6);
    expect(seqs(client, task)).toEqual([1, 2, 3, 4, 5, 4, 5, 6]);
  });

  it('ends with unsubscribing', async () => {
    const [task, other] = [newTask(), newTask()];
    const client = await newClient();
    for (const taskId of [task, other]) await client.send('task:subscribe', { taskId, afterSeq: 0 });
    await append(task, 1);
    await received(client, task, 1);
    expect(await client.send('task:unsubscribe', { taskId: task })).toEqual({ success: true });
    await append(task, 1);
    await append(other, 1);
    await received(client, other, 1);
    expect(seqs(client, task)).toEqual([1]);
  });

  it('joins what comes quickly into few batches', async () => {
    const task = newTask();
    const client = await newClient();
    await client.send('task:subscribe', { taskId: task, afterSeq: 0 });
    await append(task, 1);
    await received(client, task, 1);
    for (let count = 0; count < 500; count += 1) await append(task, 1);
    await received(client, task, 501);
    expect(seqs(client, task)).toEqual(numbers(501));
    expect(client.batches).toBeLessThan(250);
  });

  it('reaches 50 clients whole', async () => {
    const task = newTask();
    const all = await Promise.all(Array.from({ length: 50 }, () => newClient()));
    await Promise.all(all.map((client) => client.send('task:subscribe', { taskId: task, afterSeq: 0 })));
    for (let count = 0; count < 100; count += 1) await append(task, 2);
    for (const client of all) {
      await received(client, task, 200);
      expect(seqs(client, task)).toEqual(numbers(200));
    }
  });
});

describe('commands', () => {
  it.each([
    ['task:subscribe', { taskId: 'x' }],
    ['task:subscribe', { taskId: 'x', afterSeq: -1 }],
    ['task:subscribe', null],
    ['task:unsubscribe', 'x'],
    ['process:follow', { taskId: 'x', processId: '../p', fromOffset: 0 }],
    ['process:unfollow', {}],
  ] as const)('%s with %j are refused with what is wrong', async (name, command) => {
    const client = await newClient();
    expect(await client.send(name, command)).toMatchObject({
      success: false,
      error: { code: 'VALIDATION_FAILED' },
    });
  });

  it('on a task of somebody else find nothing', async () => {
    const foreign = newTask('somebody-else');
    const client = await newClient();
    const missing = { success: false, error: { code: 'TASK_NOT_FOUND' } };
    expect(await client.send('task:subscribe', { taskId: foreign, afterSeq: 0 })).toMatchObject(missing);
    const follow = { taskId: foreign, processId: 'p', fromOffset: 0 };
    expect(await client.send('process:follow', follow)).toMatchObject(missing);
    await append(foreign, 1);
    const own = newTask();
    await client.send('task:subscribe', { taskId: own, afterSeq: 0 });
    await append(own, 1);
    await received(client, own, 1);
    expect(client.events(foreign)).toEqual([]);
  });

  it('from a number that the task has not reached are refused', async () => {
    const task = newTask();
    await append(task, 2);
    const client = await newClient();
    const answer = await client.send('task:subscribe', { taskId: task, afterSeq: 3 });
    expect(answer).toMatchObject({ success: false, error: { code: 'VALIDATION_FAILED' } });
  });

  it('without an acknowledgement do no harm', async () => {
    const client = await newClient();
    client.socket.emit('task:subscribe', { taskId: 'x', afterSeq: 0 }, () => undefined);
    client.socket.emit('task:unsubscribe', { taskId: 'x' }, 'no function' as never);
    expect(await client.send('task:unsubscribe', { taskId: 'x' })).toEqual({ success: true });
  });
});
