import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TaskEvent } from '@shadow/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { git, makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { startHungRepository } from '../support/hung-repository.ts';
import { startAnthropicServer } from '../support/model-servers/anthropic-server.ts';
import { findProcesses } from '../support/processes.ts';
import {
  followUntil,
  followUntilSettled,
  type RunningServer,
  startServer,
  workspacesOf,
} from '../support/running-server.ts';
import { command, endsOf, resultsOf, SCRIPTED, scriptPrompt, write } from '../support/script.ts';
import { until } from '../support/until.ts';

let resources: AsyncDisposableStack;
let directory: string;
let home: string;
let repository: string;

beforeEach(async () => {
  resources = new AsyncDisposableStack();
  directory = resources.use(await temporaryDirectory()).path;
  home = join(directory, 'home');
  repository = await makeRepository(join(directory, 'project'), { 'readme.md': '# Project\n' });
});
afterEach(() => resources.disposeAsync());

async function start(environment: Record<string, string> = {}): Promise<RunningServer> {
  return resources.use(await startServer(home, environment));
}

/** Processes of the server's database: the postmaster's command line names its data. */
async function databaseProcesses(): Promise<number[]> {
  return findProcesses(join(home, 'postgres'));
}

async function wholeLog(server: RunningServer, taskId: string): Promise<TaskEvent[]> {
  const events: TaskEvent[] = [];
  for (let more = true; more; ) {
    const afterSeq = events.at(-1)?.seq ?? 0;
    const page = await server.api.listEvents({ params: { taskId }, query: { afterSeq, limit: 500 } });
    events.push(...page.events);
    more = page.hasMore;
  }
  return events;
}

/** Kills the server, checks that its database ends with it, and starts it anew. */
async function killAndStart(server: RunningServer, environment: Record<string, string> = {}) {
  await server.kill();
  await until('the database has ended too', async () => (await databaseProcesses()).length === 0);
  return start(environment);
}

/** The task says what happened, and its log is whole: no gap, and all that a client had seen. */
async function expectInterrupted(
  server: RunningServer,
  taskId: string,
  seen: TaskEvent[],
): Promise<TaskEvent[]> {
  const params = { taskId };
  expect(await server.api.getTask({ params })).toMatchObject({
    status: 'interrupted',
    error: {
      code: 'TASK_INTERRUPTED',
      message: expect.stringContaining('The server ended while this turn ran'),
    },
  });
  const { executions } = await server.api.listExecutions({ params });
  expect(executions.at(-1)).toMatchObject({ status: 'interrupted', error: { code: 'TASK_INTERRUPTED' } });
  const events = await wholeLog(server, taskId);
  expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
  expect(events.slice(0, seen.length)).toEqual(seen);
  expect(endsOf(events).at(-1)).toMatchObject({ status: 'interrupted' });
  return events;
}

/** The next message runs in the same workspace to its end. */
async function expectGoesOn(server: RunningServer, taskId: string, text: string) {
  const params = { taskId };
  const { lastSeq } = await server.api.getTask({ params });
  await server.api.sendMessage({ params, body: { text } });
  const events = await followUntilSettled(server, taskId, lastSeq);
  const task = await server.api.getTask({ params });
  expect(task).toMatchObject({ status: 'ready-for-review', error: null });
  return { task, events };
}

describe('a server that is killed', () => {
  it('while the model streams: keeps what was said, and the model is given it back', async () => {
    const provider = resources.use(
      await startAnthropicServer({ replies: [{ text: 'I look at the project and then', hang: true }] }),
    );
    const environment = { ANTHROPIC_API_KEY: 'sk-ant-test-0123456789', ANTHROPIC_BASE_URL: provider.url };
    const server = await start(environment);
    const model = 'anthropic/claude-sonnet-4-5';
    const { id } = await server.api.createTask({ body: { repository, prompt: 'Look', model } });
    const seen = await followUntil(server, id, (event) => event.type === 'message-delta');
    const next = await killAndStart(server, environment);
    await expectInterrupted(next, id, seen);

    provider.reply([{ text: 'Done.' }]);
    await expectGoesOn(next, id, 'Go on');
    expect(JSON.stringify(provider.requests.at(-1)?.body.messages)).toContain('Look');
    const { messages } = await next.api.listMessages({ params: { taskId: id } });
    expect(messages.filter((message) => message.role === 'user')).toHaveLength(2);
  });

  it('while a command runs: ends it, tells that the call is lost, and keeps the files', async () => {
    const mark = `sleep ${randomInt(1_000_000, 9_000_000)}`;
    const server = await start();
    const prompt = scriptPrompt('Work', [
      write('kept.txt', 'kept\n'),
      command(`echo half > half.txt; ${mark}`),
      { text: 'never' },
    ]);
    const { id } = await server.api.createTask({ body: { repository, prompt, model: SCRIPTED } });
    const seen = await followUntil(server, id, (event) => event.type === 'tool-process');
    await until('the command runs', async () => (await findProcesses(mark)).length > 0);
    const next = await killAndStart(server);
    await until('the command is gone', async () => (await findProcesses(mark)).length === 0);
    const events = await expectInterrupted(next, id, seen);
    expect(resultsOf(events, 'executeCommand')).toMatchObject([{ outcome: 'lost' }]);
    const { toolCalls } = await next.api.listToolCalls({ params: { taskId: id } });
    expect(toolCalls).toMatchObject([
      { tool: 'writeFile', outcome: 'succeeded' },
      { tool: 'executeCommand', outcome: 'lost', errorCode: 'TASK_INTERRUPTED' },
    ]);
    const copy = join(workspacesOf(home), id, 'repo');
    expect(await readFile(join(copy, 'half.txt'), 'utf8')).toBe('half\n');
    const { task } = await expectGoesOn(
      next,
      id,
      scriptPrompt('On', [command('cat half.txt'), { text: 'Done.' }]),
    );
    // What the lost turn had written is in the commit of the next.
    expect(await git(copy, 'ls-tree', '--name-only', task.headCommit ?? '')).toBe(
      'half.txt\nkept.txt\nreadme.md',
    );
  });

  it('while a background process runs: leaves it running, and its output can still be read', async () => {
    const server = await start();
    const prompt = scriptPrompt('Serve', [
      command('for i in $(seq 100000); do echo tick $i; sleep 0.1; done', { isBackground: true }),
      { delayMs: 60_000 },
      { text: 'never' },
    ]);
    const { id } = await server.api.createTask({ body: { repository, prompt, model: SCRIPTED } });
    const seen = await followUntil(server, id, (event) => event.type === 'tool-result');
    const processId = seen.find((event) => event.type === 'tool-process')?.processId ?? '';
    const next = await killAndStart(server);
    await expectInterrupted(next, id, seen);
    const params = { taskId: id, processId };
    const first = await next.api.readOutput({ params });
    expect(first).toMatchObject({ running: true, gaps: [] });
    expect(first.chunks.map((chunk) => chunk.text).join('')).toMatch(/^tick 1\ntick 2\n/);
    await until('more output comes', async () => {
      return (await next.api.readOutput({ params })).nextOffset > first.nextOffset;
    });
  });

  it('while the workspace is prepared: prepares it anew with the next message', async () => {
    const hung = resources.use(await startHungRepository(repository));
    const server = await start();
    const prompt = scriptPrompt('Work', [write('a.txt', 'a\n'), { text: 'Done.' }]);
    const { id } = await server.api.createTask({ body: { repository: hung.url, prompt, model: SCRIPTED } });
    const seen = await followUntil(server, id, (event) => event.type === 'init-step');
    await hung.reached;
    const next = await killAndStart(server);
    await expectInterrupted(next, id, seen);
    const { steps } = await next.api.listInitSteps({ params: { taskId: id } });
    expect(steps).toMatchObject([{ status: 'pending', attempts: 1 }]);
    hung.letGo();
    const { task } = await expectGoesOn(next, id, prompt);
    expect(task).toMatchObject({ additions: 1, baseBranch: 'main' });
    expect((await next.api.listInitSteps({ params: { taskId: id } })).steps).toMatchObject([
      { status: 'completed', attempts: 2 },
    ]);
  });

  it('right after a message was acknowledged: runs it at the next start, once', async () => {
    const server = await start({ MAX_CONCURRENT_EXECUTIONS: '1' });
    const pause = scriptPrompt('Pause', [{ delayMs: 60_000 }, { text: 'never' }]);
    const blocking = await server.api.createTask({ body: { repository, prompt: pause, model: SCRIPTED } });
    await followUntil(server, blocking.id, (event) => event.type === 'turn-started');
    const prompt = scriptPrompt('Acknowledged', [command('echo ran >> runs.txt'), { text: 'Done.' }]);
    const { id } = await server.api.createTask({ body: { repository, prompt, model: SCRIPTED } });
    const next = await killAndStart(server, { MAX_CONCURRENT_EXECUTIONS: '1' });
    await followUntil(next, id, (event) => event.type === 'status' && event.status === 'ready-for-review');
    const { executions } = await next.api.listExecutions({ params: { taskId: id } });
    expect(executions).toMatchObject([{ status: 'completed' }]);
    expect(await readFile(join(workspacesOf(home), id, 'repo', 'runs.txt'), 'utf8')).toBe('ran\n');
    expect(await next.api.getTask({ params: { taskId: blocking.id } })).toMatchObject({
      status: 'interrupted',
    });
  });
});

describe('a server that is asked to end by SIGTERM', () => {
  it('ends with 0, its turn interrupted truthfully, its children gone and the database stopped', async () => {
    const mark = `sleep ${randomInt(1_000_000, 9_000_000)}`;
    const server = await start();
    const prompt = scriptPrompt('Work', [write('kept.txt', 'kept\n'), command(mark), { text: 'never' }]);
    const { id } = await server.api.createTask({ body: { repository, prompt, model: SCRIPTED } });
    const seen = await followUntil(server, id, (event) => event.type === 'tool-process');
    await until('the command runs', async () => (await findProcesses(mark)).length > 0);
    expect(await databaseProcesses()).not.toEqual([]);
    expect(await server.stop()).toBe(0);
    expect(await findProcesses(mark)).toEqual([]);
    expect(await databaseProcesses()).toEqual([]);
    expect(await findProcesses(home)).toEqual([]);
    await expect(readFile(join(home, 'server.json'))).rejects.toMatchObject({ code: 'ENOENT' });

    const next = await start();
    const params = { taskId: id };
    expect(await next.api.getTask({ params })).toMatchObject({ status: 'interrupted' });
    const events = await wholeLog(next, id);
    expect(events.slice(0, seen.length)).toEqual(seen);
    expect(resultsOf(events, 'executeCommand')).toMatchObject([{ outcome: 'cancelled' }]);
    expect(endsOf(events)).toMatchObject([{ status: 'interrupted' }]);
    await expectGoesOn(next, id, scriptPrompt('On', [{ text: 'Done.' }]));
  });

  it('ends as cleanly when nobody reads its output any more', async () => {
    const server = await start();
    server.closeOutput();
    const prompt = scriptPrompt('Work', [write('a.txt', 'a\n'), { text: 'Done.' }]);
    const { id } = await server.api.createTask({ body: { repository, prompt, model: SCRIPTED } });
    await followUntilSettled(server, id);
    expect(await server.stop()).toBe(0);
    expect(await findProcesses(home)).toEqual([]);
  });
});
