import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createDatabase, type Database, migrate, startEmbeddedPostgres } from '@shadow/db';
import type { TaskEvent, TaskEventBody } from '@shadow/protocol';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PostgresEventLog } from '../../src/tasks/event-log.ts';
import { temporaryDirectory } from '../support/git-repository.ts';

const log = pino({ level: 'silent' });
const resources = new AsyncDisposableStack();
let connectionString: string;
let database: Database;
let userId: string;

beforeAll(async () => {
  const directory = resources.use(await temporaryDirectory()).path;
  const postgres = resources.use(await startEmbeddedPostgres({ home: directory, log }));
  connectionString = postgres.connectionString;
  database = resources.use(await createDatabase({ connectionString, log }));
  await migrate(database.pool);
  userId = randomUUID();
  await database.prisma.user.create({
    data: { id: userId, email: 'o@example.invalid', name: 'O', role: 'owner' },
  });
});
afterAll(() => resources.disposeAsync());

async function newTask(): Promise<{ taskId: string; userId: string }> {
  const taskId = randomUUID();
  await database.prisma.task.create({
    data: { id: taskId, userId, title: 'T', repository: 'sample', model: 'scripted/demo' },
  });
  return { taskId, userId };
}

const note = (message: string): TaskEventBody => ({ type: 'notice', level: 'info', message });

async function stored(eventLog: PostgresEventLog, taskId: string): Promise<TaskEvent[]> {
  const { events, hasMore } = await eventLog.read(taskId, 0, 100_000);
  expect(hasMore).toBe(false);
  return events;
}

const messagesOf = (events: TaskEvent[]) =>
  events.map((event) => (event.type === 'notice' ? event.message : event.type));
const oneTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe('appends from many callers at once', () => {
  it('get numbers without a gap, each in its own order, and are announced once in order', async () => {
    const eventLog = new PostgresEventLog(database.prisma, log);
    const tasks = [await newTask(), await newTask()];
    const heard = new Map<string, number[]>();
    eventLog.listen(({ taskId, events }) =>
      heard.set(taskId, [...(heard.get(taskId) ?? []), ...events.map((event) => event.seq)]),
    );
    const callers = oneTo(40).flatMap((caller) =>
      tasks.map(async (task) => {
        const seqs: number[] = [];
        for (const round of oneTo(10)) {
          const bodies = oneTo(1 + (caller % 3)).map((part) => note(`${caller}.${round}.${part}`));
          const events = await eventLog.append(task, bodies);
          expect(messagesOf(events)).toEqual(messagesOf(bodies as TaskEvent[]));
          seqs.push(...events.map((event) => event.seq));
        }
        expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
      }),
    );
    await Promise.all(callers);
    const expected = oneTo(40).reduce((sum, caller) => sum + 10 * (1 + (caller % 3)), 0);
    for (const { taskId } of tasks) {
      const events = await stored(eventLog, taskId);
      expect(events.map((event) => event.seq)).toEqual(oneTo(expected));
      expect(new Set(messagesOf(events)).size).toBe(expected);
      expect(heard.get(taskId)).toEqual(oneTo(expected));
      const { lastSeq } = await database.prisma.task.findUniqueOrThrow({ where: { id: taskId } });
      expect(lastSeq).toBe(expected);
    }
  });

  it('of two servers on one database get numbers without a gap too', async () => {
    await using other = await createDatabase({ connectionString, log });
    const logs = [new PostgresEventLog(database.prisma, log), new PostgresEventLog(other.prisma, log)];
    const task = await newTask();
    await Promise.all(
      logs.flatMap((eventLog, server) =>
        oneTo(50).map((number) => eventLog.append(task, [note(`${server}.${number}`)])),
      ),
    );
    const events = await stored(new PostgresEventLog(database.prisma, log), task.taskId);
    expect(events.map((event) => event.seq)).toEqual(oneTo(100));
    expect(new Set(messagesOf(events)).size).toBe(100);
  });
});

describe('what PostgreSQL does not take', () => {
  it('is stored with replacement characters, and nothing else is changed', async () => {
    const eventLog = new PostgresEventLog(database.prisma, log);
    const task = await newTask();
    const text = 'a\0b \ud800 c \udc00 d 😀 "\\ \u2028 é';
    const events = await eventLog.append(task, [
      note(text),
      { type: 'tool-call', toolCallId: 'c', executionId: 'e', tool: 't', target: 'x', input: { k: [text] } },
    ]);
    expect(events).toHaveLength(2);
    const expected = 'a\ufffdb \ufffd c \ufffd d 😀 "\\ \u2028 é';
    expect(await stored(eventLog, task.taskId)).toMatchObject([
      { message: expected },
      { input: { k: [expected] } },
    ]);
  });
});

describe('a task that is gone', () => {
  it('takes no event, and those of others are stored', async () => {
    const eventLog = new PostgresEventLog(database.prisma, log);
    const gone = { taskId: randomUUID(), userId };
    await expect(eventLog.append(gone, [note('lost')])).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
    expect(await eventLog.append(await newTask(), [note('kept')])).toMatchObject([{ seq: 1 }]);
  });
});

describe('a connection that is lost', () => {
  /** Ends every connection of the log again and again while work goes on. @returns how many were ended */
  async function severing(work: Promise<unknown>): Promise<number> {
    let ended = 0;
    let done = false;
    const end = () => {
      done = true;
    };
    work.then(end, end);
    const pids = 'SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid()';
    while (!done) {
      await using killer = await createDatabase({ connectionString, log });
      await killer.pool.query("SET application_name = 'killer'");
      const { rows } = await killer.pool.query(`SELECT pg_terminate_backend(pid) FROM (${pids}) AS victims`, [
        'shadow',
      ]);
      ended += rows.length;
      await delay(40);
    }
    await work;
    return ended;
  }

  it('loses no append and stores none twice', async () => {
    await using severed = await createDatabase({ connectionString, log });
    const eventLog = new PostgresEventLog(severed.prisma, log);
    const task = await newTask();
    const announced: number[] = [];
    eventLog.listen(({ events }) => announced.push(...events.map((event) => event.seq)));
    const work = Promise.all(
      oneTo(4).map(async (caller) => {
        for (const number of oneTo(100)) await eventLog.append(task, [note(`${caller}.${number}`)]);
      }),
    );
    expect(await severing(work)).toBeGreaterThan(0);
    const events = await stored(eventLog, task.taskId);
    expect(events.map((event) => event.seq)).toEqual(oneTo(400));
    expect(new Set(messagesOf(events)).size).toBe(400);
    expect(announced).toEqual(oneTo(400));
  });

  it('makes each transaction once, with its events', async () => {
    await using severed = await createDatabase({ connectionString, log });
    const eventLog = new PostgresEventLog(severed.prisma, log);
    const task = await newTask();
    const work = (async () => {
      for (const number of oneTo(100)) {
        await eventLog.transact(task, async (transaction) => {
          const data = { inputTokens: { increment: 1 } };
          const row = await transaction.task.update({ where: { id: task.taskId }, data });
          return { value: row, events: [note(`${number} of ${row.inputTokens}`)] };
        });
      }
    })();
    expect(await severing(work)).toBeGreaterThan(0);
    const events = await stored(eventLog, task.taskId);
    expect(messagesOf(events)).toEqual(oneTo(100).map((number) => `${number} of ${number}`));
  });
});
