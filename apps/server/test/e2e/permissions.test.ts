import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TaskEvent } from '@shadow/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import {
  followUntilSettled,
  type RunningServer,
  runTask,
  startServer,
  workspacesOf,
} from '../support/running-server.ts';
import { command, SCRIPTED, type Step, scriptPrompt, write } from '../support/script.ts';

const resources = new AsyncDisposableStack();
let server: RunningServer;
let home: string;
let repository: string;

beforeAll(async () => {
  const directory = resources.use(await temporaryDirectory()).path;
  home = join(directory, 'home');
  repository = await makeRepository(join(directory, 'project'), { 'readme.md': '# Project\n' });
  server = await startServer(home);
  resources.defer(() => server[Symbol.asyncDispose]());
});
afterAll(() => resources.disposeAsync());

function run(permissionMode: 'plan' | 'ask', steps: Step[]) {
  const prompt = scriptPrompt('Work', steps);
  return runTask(server, { repository, prompt, model: SCRIPTED, permissionMode });
}

async function answer(taskId: string, decision: 'allow' | 'deny', note?: string) {
  const params = { taskId };
  const { approvals } = await server.api.listApprovals({ params });
  const pending = approvals.filter((approval) => approval.status === 'pending');
  expect(pending).toHaveLength(1);
  const approvalId = pending[0]?.id ?? '';
  const { lastSeq } = await server.api.getTask({ params });
  const body = { decision, ...(note === undefined ? {} : { note }) };
  await server.api.answerApproval({ params: { taskId, approvalId }, body });
  const again = server.api.answerApproval({ params: { taskId, approvalId }, body });
  await expect(again).rejects.toMatchObject({ code: 'TASK_STATE_CONFLICT' });
  const events = await followUntilSettled(server, taskId, lastSeq);
  return { task: await server.api.getTask({ params }), events };
}

const outcomes = (events: TaskEvent[]) =>
  events.flatMap((event) => (event.type === 'tool-result' ? [event.outcome] : []));
const fileOf = (taskId: string, path: string) => join(workspacesOf(home), taskId, 'repo', path);

describe('plan mode', () => {
  it('refuses writes and commands at the gate, and lets reads through', async () => {
    const { task, events } = await run('plan', [
      { calls: [{ tool: 'readFile', input: { path: 'readme.md' } }] },
      write('new.txt', 'no\n'),
      command('touch new.txt'),
      { text: 'My plan.' },
    ]);
    expect(task.status).toBe('ready-for-review');
    expect(outcomes(events)).toEqual(['succeeded', 'denied', 'denied']);
    await expect(stat(fileOf(task.id, 'new.txt'))).rejects.toMatchObject({ code: 'ENOENT' });
    const { toolCalls } = await server.api.listToolCalls({ params: { taskId: task.id } });
    expect(toolCalls.map((call) => call.decision)).toEqual(['allow', 'deny', 'deny']);
    expect(toolCalls[1]?.reason).toMatch(/plan mode/);
  });
});

describe('ask mode', () => {
  it('asks before each write and command; what is denied does not happen and what is allowed does', async () => {
    const first = await run('ask', [
      write('denied.txt', 'no\n'),
      command('echo yes > allowed.txt'),
      { text: 'Done.' },
    ]);
    expect(first.task.status).toBe('awaiting-approval');
    await expect(stat(fileOf(first.task.id, 'denied.txt'))).rejects.toMatchObject({ code: 'ENOENT' });

    const denied = await answer(first.task.id, 'deny', 'not that file');
    expect(denied.task.status).toBe('awaiting-approval');
    expect(outcomes(denied.events)).toEqual(['denied']);
    const allowed = await answer(first.task.id, 'allow');
    expect(allowed.task).toMatchObject({ status: 'ready-for-review', error: null });
    expect(outcomes(allowed.events)).toEqual(['succeeded']);
    await expect(stat(fileOf(first.task.id, 'denied.txt'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await readFile(fileOf(first.task.id, 'allowed.txt'), 'utf8')).toBe('yes\n');

    const params = { taskId: first.task.id };
    const { messages } = await server.api.listMessages({ params });
    expect(JSON.stringify(messages)).toContain('They say: not that file');
    const { executions } = await server.api.listExecutions({ params });
    expect(executions).toMatchObject([{ status: 'completed', toolCallsCount: 2 }]);
  });

  it('keeps its question over a restart of the server, and goes on with the answer', async () => {
    const { task } = await run('ask', [write('later.txt', 'later\n'), { text: 'Done.' }]);
    expect(task.status).toBe('awaiting-approval');
    expect(await server.stop()).toBe(0);
    server = await startServer(home);
    const params = { taskId: task.id };
    expect(await server.api.getTask({ params })).toMatchObject({ status: 'awaiting-approval' });
    const { task: done, events } = await answer(task.id, 'allow');
    expect(done).toMatchObject({ status: 'ready-for-review', error: null });
    expect(outcomes(events)).toEqual(['succeeded']);
    expect(events.find((event) => event.type === 'turn-started')).toMatchObject({ resumed: true });
    expect(await readFile(fileOf(task.id, 'later.txt'), 'utf8')).toBe('later\n');
  });

  it('keeps its question over a kill of the server too', async () => {
    const { task } = await run('ask', [write('later.txt', 'later\n'), { text: 'Done.' }]);
    await server.kill();
    server = await startServer(home);
    expect(await server.api.getTask({ params: { taskId: task.id } })).toMatchObject({
      status: 'awaiting-approval',
      error: null,
    });
    expect((await answer(task.id, 'deny')).task).toMatchObject({ status: 'ready-for-review' });
  });

  it('lets a stop take the question back', async () => {
    const { task } = await run('ask', [write('never.txt', 'never\n'), { text: 'Done.' }]);
    const params = { taskId: task.id };
    expect(await server.api.stopTask({ params })).toMatchObject({ status: 'stopped' });
    const { approvals } = await server.api.listApprovals({ params });
    expect(approvals).toMatchObject([{ status: 'expired' }]);
    const late = server.api.answerApproval({
      params: { taskId: task.id, approvalId: approvals[0]?.id ?? '' },
      body: { decision: 'allow' },
    });
    await expect(late).rejects.toMatchObject({ code: 'TASK_STATE_CONFLICT' });
    const { lastSeq } = await server.api.getTask({ params });
    await server.api.sendMessage({
      params,
      body: { text: scriptPrompt('Else', [{ text: 'Something else.' }]) },
    });
    await followUntilSettled(server, task.id, lastSeq);
    expect(await server.api.getTask({ params })).toMatchObject({ status: 'ready-for-review', error: null });
  });
});
