import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createDatabase, type Database, startEmbeddedPostgres } from '@shadow/db';
import type { TaskEvent } from '@shadow/protocol';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import {
  followUntilSettled,
  type RunningServer,
  startServer,
  workspacesOf,
} from '../support/running-server.ts';
import { command, SCRIPTED, type Step, scriptPrompt, write } from '../support/script.ts';
import { until } from '../support/until.ts';

const log = pino({ level: 'silent' });
const resources = new AsyncDisposableStack();
let directory: string;
let repository: string;
let connectionString: string;
let database: Database;
let homes = 0;

beforeAll(async () => {
  directory = resources.use(await temporaryDirectory()).path;
  repository = await makeRepository(join(directory, 'project'), { 'readme.md': '# Project\n' });
  const postgres = resources.use(await startEmbeddedPostgres({ home: join(directory, 'database'), log }));
  ({ connectionString } = postgres);
  database = resources.use(await createDatabase({ connectionString, log }));
}, 120_000);
afterAll(() => resources.disposeAsync());

/** A server with a home of its own on the database that all share. */
async function started(environment: Record<string, string> = {}): Promise<RunningServer> {
  const settings = { DATABASE_URL: connectionString, RECONCILE_INTERVAL_MS: '1000', ...environment };
  const server = await startServer(join(directory, `home-${homes++}`), settings);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

/** A command that ends when `open` is called for its task. */
const gate = (name: string) => command(`while [ ! -e ${name}.open ]; do sleep 0.05; done`);
const open = (server: RunningServer, taskId: string, name: string) =>
  writeFile(join(workspacesOf(server.home), taskId, 'repo', `${name}.open`), '');

async function create(server: RunningServer, steps: Step[], permissionMode: 'auto' | 'ask' = 'auto') {
  const prompt = scriptPrompt('Work', steps);
  return server.api.createTask({ body: { repository, prompt, model: SCRIPTED, permissionMode } });
}

/** Everything that a server's socket brings of a task, as it comes. */
function watch(server: RunningServer, taskId: string): TaskEvent[] {
  const seen: TaskEvent[] = [];
  onTestFinished(
    server.realtime.followTask(taskId, { afterSeq: 0, onEvents: (events) => seen.push(...events) }),
  );
  return seen;
}

const callsOf = (events: readonly TaskEvent[]) => events.filter(({ type }) => type === 'tool-call').length;
const isAt = (events: readonly TaskEvent[], status: string) => {
  const last = events.findLast((event) => event.type === 'status');
  return last?.type === 'status' && last.status === status;
};
const statusOf = async (server: RunningServer, taskId: string) =>
  (await server.api.getTask({ params: { taskId } })).status;

async function expectWhole(server: RunningServer, taskId: string, seen: TaskEvent[]): Promise<void> {
  const query = { afterSeq: 0, limit: 1000 };
  const { events } = await server.api.listEvents({ params: { taskId }, query });
  await until('the last event came', () => (seen.at(-1)?.seq ?? 0) >= events.length);
  expect(seen).toEqual(events);
}

/** Ends the connections by which the servers hear each other. @returns their number */
async function cutListening(): Promise<number> {
  const { rowCount } = await database.pool.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'shadow shadow_replicas'",
  );
  return rowCount ?? 0;
}

/** A server that runs a task behind a gate, and another one that watches it. */
async function runningOnFirst(steps: Step[], second: Record<string, string> = {}) {
  const a = await started();
  const { id } = await create(a, [gate('first'), ...steps]);
  const here = watch(a, id);
  await until('the command runs', () => callsOf(here) === 1);
  const b = await started(second);
  const seen = watch(b, id);
  await until('the other server has caught up', () => callsOf(seen) === 1);
  return { a, b, id, seen };
}

const wait = { timeout: 180_000 };

describe('a server that does not run a task', wait, () => {
  it('shows it live: every event in order, once', async () => {
    const { a, b, id, seen } = await runningOnFirst([
      ...Array.from({ length: 10 }, (_, index) => write(`${index}.txt`, `${index}\n`)),
      { text: 'A longer text, word by word, for it is streamed.', ...gate('second') },
      { text: 'Done.' },
    ]);
    const listed: string[] = [];
    onTestFinished(b.realtime.onTaskChanged((task) => void listed.push(task.status)));
    await open(a, id, 'first');
    await until('the second gate is seen while it is shut', () => callsOf(seen) === 12);
    expect(seen.some(({ type }) => type === 'message-delta')).toBe(true);
    expect(await statusOf(b, id)).toBe('running');
    await open(a, id, 'second');
    await until('the end is seen', () => isAt(seen, 'ready-for-review'));
    await until('the list tells of it, too', () => listed.includes('ready-for-review'));
    await expectWhole(b, id, seen);
    const deleted: string[] = [];
    onTestFinished(b.realtime.onTaskDeleted((taskId) => void deleted.push(taskId)));
    await a.api.deleteTask({ params: { taskId: id }, query: { discardWork: true } });
    await until('the deletion is told', () => deleted.includes(id));
  });

  it('stops it', async () => {
    const { a, b, id, seen } = await runningOnFirst([]);
    const stopped = await b.api.stopTask({ params: { taskId: id } });
    expect(stopped.status).toBe('stopped');
    expect(await statusOf(a, id)).toBe('stopped');
    await until('the end is seen', () => isAt(seen, 'stopped'));
    await expectWhole(b, id, seen);
  });

  it('stops it though the word of it is lost', async () => {
    const { a, b, id } = await runningOnFirst([]);
    await database.prisma.agentExecution.updateMany({
      where: { taskId: id, status: 'RUNNING' },
      data: { stopRequestedAt: new Date() },
    });
    await until('it stops', async () => (await statusOf(b, id)) === 'stopped');
    expect(await statusOf(a, id)).toBe('stopped');
  });

  it('takes answers and messages for it, though it has no room itself', async () => {
    const a = await started();
    const { id } = await create(a, [command('echo asked'), { text: 'Done.' }], 'ask');
    await followUntilSettled(a, id);
    const b = await started({ MAX_CONCURRENT_EXECUTIONS: '1' });
    const busy = await occupy(a, b);
    const seen = watch(b, id);
    const { approvals } = await b.api.listApprovals({ params: { taskId: id } });
    const approvalId = approvals[0]?.id ?? '';
    await b.api.answerApproval({ params: { taskId: id, approvalId }, body: { decision: 'allow' } });
    await until('the answered turn ends', () => isAt(seen, 'ready-for-review'));
    await b.api.sendMessage({
      params: { taskId: id },
      body: { text: scriptPrompt('More', [{ text: 'More is done.' }]) },
    });
    const ends = () => seen.filter(({ type }) => type === 'turn-finished').length;
    await until('the next turn ends', () => ends() === 3 && isAt(seen, 'ready-for-review'));
    expect(seen.filter(({ type }) => type === 'approval-answered')).toHaveLength(1);
    expect(await statusOf(b, busy)).toBe('running');
    await expectWhole(b, id, seen);
  });

  it('goes on to show it when the server that ran it is killed', async () => {
    const { a, b, id, seen } = await runningOnFirst([]);
    await a.kill();
    await until('the interruption is seen', () => isAt(seen, 'interrupted'));
    await expectWhole(b, id, seen);
  });

  it('misses nothing when the connection by which it hears is cut', async () => {
    const { a, b, id, seen } = await runningOnFirst([
      ...Array.from({ length: 20 }, (_, index) => write(`${index}.txt`, `${index}\n`)),
      { text: 'Done.' },
    ]);
    expect(await cutListening()).toBe(2);
    await open(a, id, 'first');
    await until('some of it is seen', () => callsOf(seen) > 3);
    await cutListening();
    await until('the end is seen', () => isAt(seen, 'ready-for-review'));
    await expectWhole(b, id, seen);
  });
});

/** Gives a server that has room for one turn that turn, on a workspace of its own. */
async function occupy(other: RunningServer, server: RunningServer): Promise<string> {
  for (;;) {
    const { id } = await create(server, [gate('busy')]);
    const seen = watch(server, id);
    await until('the command runs', () => callsOf(seen) === 1);
    const runsHere = await open(server, id, 'probe').then(
      () => true,
      () => false,
    );
    if (runsHere) return id;
    await other.api.stopTask({ params: { taskId: id } });
  }
}
