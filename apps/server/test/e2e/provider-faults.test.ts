import { join } from 'node:path';
import type { TaskEvent } from '@shadow/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { startAnthropicServer } from '../support/model-servers/anthropic-server.ts';
import type { ModelServer, Replies } from '../support/model-servers/scripted-server.ts';
import {
  followUntil,
  followUntilSettled,
  type RunningServer,
  runTask,
  startServer,
} from '../support/running-server.ts';

const MODEL = 'anthropic/claude-sonnet-4-5';
const RIGHT_KEY = 'sk-ant-the-right-key-0123456789';
const WRONG_KEY = 'sk-ant-a-wrong-key-9876543210';
const resources = new AsyncDisposableStack();
let provider: ModelServer;
let server: RunningServer;
let repository: string;

beforeAll(async () => {
  const directory = resources.use(await temporaryDirectory()).path;
  repository = await makeRepository(join(directory, 'project'), { 'a.txt': 'one\n' });
  provider = resources.use(await startAnthropicServer({ apiKey: RIGHT_KEY }));
  server = resources.use(
    await startServer(join(directory, 'home'), {
      ANTHROPIC_API_KEY: RIGHT_KEY,
      ANTHROPIC_BASE_URL: provider.url,
    }),
  );
});
afterAll(() => resources.disposeAsync());

/** Model calls since the last replies were set. */
let before = 0;
const calls = () => provider.requests.length - before;

function run(replies: Replies, more: { budgetUsd?: number } = {}) {
  provider.reply(replies);
  before = provider.requests.length;
  return runTask(server, { repository, prompt: 'Change the file', model: MODEL, ...more });
}

async function goOn(taskId: string, how: 'retry' | 'message') {
  const params = { taskId };
  const { lastSeq } = await server.api.getTask({ params });
  if (how === 'retry') await server.api.retryTask({ params });
  else await server.api.sendMessage({ params, body: { text: 'Go on' } });
  const events = await followUntilSettled(server, taskId, lastSeq);
  return { task: await server.api.getTask({ params }), events };
}

const notices = (events: TaskEvent[]) =>
  events.flatMap((event) => (event.type === 'notice' ? [event.message] : []));
const overloaded = {
  status: 529,
  type: 'overloaded_error',
  message: 'Overloaded',
  headers: { 'retry-after-ms': '1' },
};

describe('a key that the provider refuses', () => {
  it('fails the task with what to do, and the task completes once the key is mended', async () => {
    const settings = { params: { provider: 'anthropic' } } as const;
    await server.api.updateProvider({ ...settings, body: { apiKey: WRONG_KEY } });
    const { task, events } = await run([{ text: 'Hello.' }]);
    expect(task).toMatchObject({ status: 'failed', error: { code: 'PROVIDER_AUTH_FAILED' } });
    expect(task.error?.message).toMatch(/Anthropic refused the key: invalid x-api-key.*settings/);
    expect(calls()).toBe(0);
    expect(JSON.stringify([events, task])).not.toContain(WRONG_KEY);
    expect(server.log()).not.toContain(WRONG_KEY);

    await server.api.updateProvider({ ...settings, body: { apiKey: RIGHT_KEY } });
    const { task: mended } = await goOn(task.id, 'retry');
    expect(mended).toMatchObject({ status: 'ready-for-review', error: null });
    // The message that failed joined the conversation once.
    const { messages } = await server.api.listMessages({ params: { taskId: task.id } });
    expect(messages.map((message) => message.role)).toEqual(['user', 'assistant']);
    await server.api.deleteProvider(settings);
  });
});

describe('a provider that cannot answer now', () => {
  it('is waited for as long as it asks, in sight of the person, and then goes on', async () => {
    const limited = {
      status: 429,
      type: 'rate_limit_error',
      message: 'Slow down',
      headers: { 'retry-after': '1' },
    };
    const { task, events } = await run([limited, { text: 'Here I am.' }]);
    expect(task).toMatchObject({ status: 'ready-for-review', error: null });
    expect(notices(events)).toHaveLength(1);
    expect(notices(events)[0]).toMatch(/Anthropic limits the rate of calls: Slow down.*Trying again in 1/);
    expect(calls()).toBe(2);
  });

  it('is asked again when it is overloaded', async () => {
    const { task, events } = await run([overloaded, overloaded, { text: 'Here I am.' }]);
    expect(task).toMatchObject({ status: 'ready-for-review', error: null });
    expect(notices(events)).toHaveLength(2);
    expect(notices(events)[0]).toMatch(/overloaded/);
  });

  it('is given up at some point, with its own words; the task goes on when it is back', async () => {
    const { task, events } = await run(() => overloaded);
    expect(task).toMatchObject({ status: 'failed', error: { code: 'PROVIDER_OVERLOADED' } });
    expect(task.error?.message).toMatch(/Overloaded \(HTTP 529\)/);
    expect(calls()).toBe(7);
    expect(notices(events)).toHaveLength(6);
    provider.reply([{ text: 'Back.' }]);
    expect((await goOn(task.id, 'message')).task).toMatchObject({ status: 'ready-for-review', error: null });
  });

  it('can be stopped while it is waited for', async () => {
    provider.reply(() => ({ ...overloaded, headers: { 'retry-after': '100' } }));
    const task = await server.api.createTask({ body: { repository, prompt: 'Wait', model: MODEL } });
    await followUntil(server, task.id, (event) => event.type === 'notice');
    expect(await server.api.stopTask({ params: { taskId: task.id } })).toMatchObject({ status: 'stopped' });
  });
});

describe('an answer that is not whole', () => {
  it('is gone on with after a cut in the middle of the stream; nothing said is lost', async () => {
    const { task, events } = await run([{ text: 'I begin to', cut: true }, { text: 'and I end.' }]);
    expect(task).toMatchObject({ status: 'ready-for-review', error: null });
    expect(notices(events)[0]).toMatch(/cut off in the middle/);
    const said = events.flatMap((event) => (event.type === 'message-delta' ? [event.text] : [])).join('');
    expect(said).toBe('I begin toand I end.');
    expect(events.flatMap((event) => (event.type === 'message-finished' ? [event.complete] : []))).toEqual([
      false,
      true,
    ]);
  });

  it('fails the turn when it is cut again and again, and keeps what was said', async () => {
    const { task } = await run(() => ({ text: 'Never whole', cut: true }));
    expect(task).toMatchObject({ status: 'failed', error: { code: 'STREAM_INTERRUPTED' } });
    expect(calls()).toBe(3);
    const { messages } = await server.api.listMessages({ params: { taskId: task.id } });
    expect(JSON.stringify(messages)).toContain('Never whole');
  });

  it('is told to the model when its tool arguments cannot be read, and the model mends them', async () => {
    const path = { path: 'a.txt' };
    const { task, events } = await run([
      { calls: [{ tool: 'writeFile', arguments: '{"path": "a.txt", "content": ' }] },
      { calls: [{ tool: 'writeFile', input: path }] },
      { calls: [{ tool: 'noSuchTool', input: {} }] },
      { calls: [{ tool: 'writeFile', input: { ...path, content: 'two\n' } }] },
      { text: 'Mended.' },
    ]);
    expect(task).toMatchObject({ status: 'ready-for-review', error: null });
    const outcomes = events.flatMap((event) => (event.type === 'tool-result' ? [event.outcome] : []));
    expect(outcomes).toEqual(['invalid', 'invalid', 'invalid', 'succeeded']);
    const { files } = await server.api.getDiff({ params: { taskId: task.id } });
    expect(files.map((file) => file.path)).toEqual(['a.txt']);
    const { toolCalls } = await server.api.listToolCalls({ params: { taskId: task.id } });
    expect(toolCalls.map((call) => call.decision)).toEqual(['deny', 'deny', 'deny', 'allow']);
  });
});

describe('a budget', () => {
  it('ends the turn before it is overdrawn further, keeps the work, and lets no further turn run', async () => {
    // 100,000 tokens out cost 1.50 $ at the list price.
    const usage = { input: 1000, output: 100_000 };
    const { task, events } = await run(
      [
        { calls: [{ tool: 'writeFile', input: { path: 'b.txt', content: 'b\n' } }], usage },
        { calls: [{ tool: 'listDirectory', input: {} }], usage },
        { text: 'never said', usage },
      ],
      { budgetUsd: 2 },
    );
    expect(task).toMatchObject({ status: 'stopped', error: { code: 'BUDGET_EXCEEDED' } });
    expect(calls()).toBe(2);
    expect(task.usage.costUsd).toBeCloseTo(2 * (0.003 + 1.5), 5);
    expect(events.find((event) => event.type === 'turn-finished')).toMatchObject({
      status: 'budget-exceeded',
    });
    expect(
      (await server.api.getDiff({ params: { taskId: task.id } })).files.map((file) => file.path),
    ).toEqual(['b.txt']);
    const next = await goOn(task.id, 'message');
    expect(next.task.error?.code).toBe('BUDGET_EXCEEDED');
    expect(calls()).toBe(2);
  });
});
