import { join } from 'node:path';
import { createApiClient, createRealtimeClient } from '@shadow/client';
import { startEmbeddedPostgres } from '@shadow/db';
import { endpoints } from '@shadow/protocol';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/git-repository.ts';
import { type RunningServer, runTask, startServer } from '../support/running-server.ts';
import { command, SCRIPTED, scriptPrompt } from '../support/script.ts';
import { makeUserWithKey } from '../support/second-user.ts';

const resources = new AsyncDisposableStack();
let server: RunningServer;
let key: string;
let taskId: string;
let processId: string;

beforeAll(async () => {
  const directory = resources.use(await temporaryDirectory()).path;
  const postgres = resources.use(
    await startEmbeddedPostgres({ home: join(directory, 'database'), log: pino({ level: 'silent' }) }),
  );
  const home = join(directory, 'home');
  server = resources.use(await startServer(home, { DATABASE_URL: postgres.connectionString }));
  const prompt = scriptPrompt('Mine', [command('echo mine'), { text: 'Done.' }]);
  const { task, events } = await runTask(server, { repository: 'sample', prompt, model: SCRIPTED });
  taskId = task.id;
  processId = events.find((event) => event.type === 'tool-process')?.processId ?? '';
  key = await makeUserWithKey(postgres.connectionString, home);
});
afterAll(() => resources.disposeAsync());

const onTask = Object.values(endpoints).filter((endpoint) => endpoint.path.includes(':taskId'));

/** A body that each endpoint takes, so that what answers is its owner check and not its validation. */
const bodies: Record<string, unknown> = {
  sendMessage: { text: 'hello' },
  answerApproval: { decision: 'allow' },
  updateTask: { title: 'Mine now' },
};

it.each(onTask.map((endpoint) => [endpoint.operationId, endpoint] as const))(
  'somebody else finds no such task by %s',
  async (operationId, endpoint) => {
    const path = endpoint.path
      .replace(':taskId', taskId)
      .replace(':processId', processId)
      .replace(':approvalId', 'any');
    const ask = (apiKey: string) =>
      fetch(`${server.url}/api${path}`, {
        // fetch leaves a lowercase patch as it is, which is no method.
        method: endpoint.method.toUpperCase(),
        headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
        ...(operationId in bodies ? { body: JSON.stringify(bodies[operationId]) } : {}),
      });
    const response = await ask(key);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { code: 'TASK_NOT_FOUND' } });
  },
);

it('somebody else’s list has none of it', async () => {
  const api = createApiClient({ baseUrl: server.url, apiKey: key });
  expect(await api.listTasks({ query: { includeArchived: true } })).toEqual({ tasks: [], nextCursor: null });
  expect((await server.api.listTasks()).tasks).toHaveLength(1);
  const suggested = await api.listRepositories();
  expect(suggested.repositories.map((one) => one.kind)).toEqual(['sample']);
  expect((await api.listApiKeys()).apiKeys.map((one) => one.name)).toEqual(['test']);
});

it('somebody else follows neither the task nor its process, and hears of no change', async () => {
  const realtime = createRealtimeClient({ baseUrl: server.url, apiKey: key });
  const heard: unknown[] = [];
  realtime.onTaskChanged((task) => heard.push(task));
  const errors = await Promise.all([
    new Promise<unknown>((resolve, reject) => {
      realtime.followTask(taskId, { afterSeq: 0, onEvents: reject, onError: resolve });
    }),
    new Promise<unknown>((resolve, reject) => {
      realtime.followProcess(taskId, processId, { fromOffset: 0, onFrames: reject, onError: resolve });
    }),
  ]);
  expect(errors).toMatchObject([{ code: 'TASK_NOT_FOUND' }, { code: 'TASK_NOT_FOUND' }]);
  await runTask(server, {
    repository: 'sample',
    prompt: scriptPrompt('x', [{ text: 'y' }]),
    model: SCRIPTED,
  });
  expect(heard).toEqual([]);
  realtime.close();
});

it('the owner’s task is as it was', async () => {
  expect(await server.api.getTask({ params: { taskId } })).toMatchObject({ status: 'ready-for-review' });
});
