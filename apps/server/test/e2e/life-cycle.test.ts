import { randomInt } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { git, makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { findProcesses } from '../support/processes.ts';
import {
  followUntil,
  followUntilSettled,
  type RunningServer,
  runTask,
  startServer,
  workspacesOf,
} from '../support/running-server.ts';
import { command, endsOf, resultsOf, SCRIPTED, type Step, scriptPrompt, write } from '../support/script.ts';
import { until } from '../support/until.ts';

const resources = new AsyncDisposableStack();
let server: RunningServer;
let directory: string;
let repository: string;

beforeAll(async () => {
  directory = resources.use(await temporaryDirectory()).path;
  repository = await makeRepository(join(directory, 'project'), { 'readme.md': '# Project\n' });
  server = resources.use(await startServer(join(directory, 'home')));
});
afterAll(() => resources.disposeAsync());

function run(title: string, steps: Step[]) {
  return runTask(server, { repository, prompt: scriptPrompt(title, steps), model: SCRIPTED });
}

function begin(title: string, steps: Step[]) {
  return server.api.createTask({
    body: { repository, prompt: scriptPrompt(title, steps), model: SCRIPTED },
  });
}

/** Sends a follow-up and follows the task until it rests. */
async function follow(taskId: string, title: string, steps: Step[]) {
  const { lastSeq } = await server.api.getTask({ params: { taskId } });
  await server.api.sendMessage({ params: { taskId }, body: { text: scriptPrompt(title, steps) } });
  const events = await followUntilSettled(server, taskId, lastSeq);
  return { task: await server.api.getTask({ params: { taskId } }), events };
}

function copyOf(taskId: string): string {
  return join(workspacesOf(server.home), taskId, 'repo');
}

/** A command that runs for long and is found by its number, and the number. */
function longSleep(): { line: string; mark: string } {
  const mark = `sleep ${randomInt(1_000_000, 9_000_000)}`;
  return { line: `echo begun; ${mark} & ${mark}; wait`, mark };
}

describe('a follow-up message', () => {
  it('goes on in the same workspace, on the same branch, with a commit of its own', async () => {
    const first = await run('Make a file', [write('one.txt', 'one\n'), { text: 'Made.' }]);
    const second = await follow(first.task.id, 'Make another', [
      command('cat one.txt && ls untracked-nothing 2>/dev/null; echo two > two.txt'),
      { text: 'Made.' },
    ]);
    expect(second.task).toMatchObject({ status: 'ready-for-review', branch: first.task.branch, error: null });
    expect(resultsOf(second.events, 'executeCommand')[0]?.preview).toContain('one');
    const copy = copyOf(first.task.id);
    expect(await git(copy, 'rev-list', '--count', `${first.task.baseCommit}..HEAD`)).toBe('2');
    expect(await git(copy, 'rev-parse', 'HEAD')).toBe(second.task.headCommit);
    const { files } = await server.api.getDiff({ params: { taskId: first.task.id } });
    expect(files.map((file) => file.path)).toEqual(['one.txt', 'two.txt']);
    expect(await git(repository, 'status', '--porcelain')).toBe('');
    expect(await git(repository, 'branch', '--list')).toBe('* main');
  });

  it('waits for the turn that runs, and then runs', async () => {
    const task = await begin('First', [
      command('until [ -e go ]; do sleep 0.05; done'),
      { text: 'First done.' },
    ]);
    await followUntil(server, task.id, (event) => event.type === 'tool-process');
    const params = { taskId: task.id };
    await server.api.sendMessage({
      params,
      body: { text: scriptPrompt('Second', [{ text: 'Second done.' }]) },
    });
    await server.api.sendMessage({
      params,
      body: { text: scriptPrompt('Third', [{ text: 'Third done.' }]) },
    });
    const statuses = (await server.api.listExecutions({ params })).executions.map((one) => one.status);
    expect(statuses).toEqual(['running', 'queued', 'queued']);
    await writeFile(join(copyOf(task.id), 'go'), '');
    const events = await followUntil(
      server,
      task.id,
      (event) => event.type === 'status' && event.status === 'ready-for-review',
    );
    expect(endsOf(events).map((end) => end.status)).toEqual(['completed', 'completed', 'completed']);
    const { messages } = await server.api.listMessages({ params });
    const said = messages.filter((one) => one.role === 'assistant').map((one) => JSON.stringify(one.parts));
    expect(
      said.filter((text) => text.includes(' done.')).map((text) => /(\w+) done/.exec(text)?.[1]),
    ).toEqual(['First', 'Second', 'Third']);
  });
});

describe('stopping', () => {
  it('ends the command with its whole process group, and what waits; the work stays', async () => {
    const { line, mark } = longSleep();
    const task = await begin('Long', [write('kept.txt', 'kept\n'), command(line), { text: 'never' }]);
    await followUntil(server, task.id, (event) => event.type === 'tool-process');
    await until('both sleeps run', async () => (await findProcesses(mark)).length >= 2);
    const params = { taskId: task.id };
    await server.api.sendMessage({ params, body: { text: 'never runs' } });
    const stopped = await server.api.stopTask({ params });
    expect(stopped).toMatchObject({ status: 'stopped', error: null });
    await until('the group is gone', async () => (await findProcesses(mark)).length === 0);
    const { executions } = await server.api.listExecutions({ params });
    expect(executions.map((one) => one.status)).toEqual(['stopped', 'stopped']);
    const { toolCalls } = await server.api.listToolCalls({ params });
    expect(toolCalls.map((call) => call.outcome)).toEqual(['succeeded', 'cancelled']);
    expect(await readFile(join(copyOf(task.id), 'kept.txt'), 'utf8')).toBe('kept\n');

    const next = await follow(task.id, 'Go on', [{ text: 'Going on.' }]);
    expect(next.task.status).toBe('ready-for-review');
    expect((await server.api.getDiff({ params })).files.map((file) => file.path)).toEqual(['kept.txt']);
  });

  it('reaches a task that waits for its turn, and says so again when it is stopped twice', async () => {
    const task = await begin('Pause', [{ delayMs: 30_000 }, { text: 'never' }]);
    const params = { taskId: task.id };
    expect(await server.api.stopTask({ params })).toMatchObject({ status: 'stopped' });
    expect(await server.api.stopTask({ params })).toMatchObject({ status: 'stopped' });
    const { executions } = await server.api.listExecutions({ params });
    expect(executions).toMatchObject([{ status: 'stopped' }]);
  });
});

describe('archiving', () => {
  it('keeps the commits in a bundle that plain git reads, removes the workspace, and still answers the diff', async () => {
    const { task } = await run('Work', [write('work.txt', 'work\n'), { text: 'Done.' }]);
    const params = { taskId: task.id };
    const before = await server.api.getDiff({ params });
    expect(await server.api.archiveTask({ params })).toMatchObject({ status: 'archived' });
    await expect(stat(join(workspacesOf(server.home), task.id))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await server.api.getDiff({ params })).toEqual(before);
    expect(
      (await server.api.listEvents({ params, query: { afterSeq: 0, limit: 500 } })).events.length,
    ).toBeGreaterThan(5);

    const bundle = join(server.home, 'archives', `${task.id}.bundle`);
    const clone = join(directory, 'clone-of-archive');
    await git(directory, 'clone', '--quiet', repository, clone);
    await git(clone, 'bundle', 'verify', bundle);
    await git(clone, 'fetch', '--quiet', bundle, `${task.branch}:restored`);
    expect(await git(clone, 'rev-parse', 'restored')).toBe(task.headCommit);
    expect(await git(clone, 'show', 'restored:work.txt')).toBe('work');

    const message = server.api.sendMessage({ params, body: { text: 'more' } });
    await expect(message).rejects.toMatchObject({ code: 'TASK_STATE_CONFLICT' });
    expect(await server.api.archiveTask({ params })).toMatchObject({ status: 'archived' });
    await server.api.deleteTask({ params });
    await expect(server.api.getTask({ params })).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
  });

  it('keeps what a stopped turn had not committed', async () => {
    const task = await begin('Half', [write('half.txt', 'half\n'), { delayMs: 60_000 }, { text: 'never' }]);
    await followUntil(server, task.id, (event) => event.type === 'tool-result');
    const params = { taskId: task.id };
    await server.api.stopTask({ params });
    await server.api.archiveTask({ params });
    const bundle = join(server.home, 'archives', `${task.id}.bundle`);
    const clone = join(directory, 'clone-of-half');
    await git(directory, 'clone', '--quiet', repository, clone);
    const { branch } = await server.api.getTask({ params });
    await git(clone, 'fetch', '--quiet', bundle, `${branch}:restored`);
    expect(await git(clone, 'show', 'restored:half.txt')).toBe('half');
    expect((await server.api.getDiff({ params })).files.map((file) => file.path)).toEqual(['half.txt']);
  });

  it('is refused while a turn runs', async () => {
    const task = await begin('Busy', [{ delayMs: 60_000 }, { text: 'never' }]);
    await followUntil(server, task.id, (event) => event.type === 'turn-started');
    const params = { taskId: task.id };
    await expect(server.api.archiveTask({ params })).rejects.toMatchObject({ code: 'TASK_STATE_CONFLICT' });
    const deletion = server.api.deleteTask({ params, query: { discardWork: true } });
    await expect(deletion).rejects.toMatchObject({ code: 'TASK_STATE_CONFLICT' });
    await server.api.stopTask({ params });
  });
});

describe('deleting', () => {
  it('is refused while the workspace holds work, and done when it is to be discarded', async () => {
    const { task } = await run('Work', [write('work.txt', 'work\n'), { text: 'Done.' }]);
    const params = { taskId: task.id };
    const refusal = server.api.deleteTask({ params });
    await expect(refusal).rejects.toMatchObject({
      code: 'WORKSPACE_HAS_UNSAVED_WORK',
      details: { commits: 1, uncommitted: false },
    });
    expect(await readFile(join(copyOf(task.id), 'work.txt'), 'utf8')).toBe('work\n');
    await server.api.deleteTask({ params, query: { discardWork: true } });
    await expect(server.api.getTask({ params })).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
    expect(await readdir(workspacesOf(server.home))).not.toContain(task.id);
  });

  it('takes a task that changed nothing without a question', async () => {
    const { task } = await run('Look', [command('ls'), { text: 'Looked.' }]);
    const params = { taskId: task.id };
    await server.api.deleteTask({ params });
    await expect(server.api.listEvents({ params })).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
  });

  it('ends what runs in the background', async () => {
    const { line, mark } = longSleep();
    const { task } = await run('Serve', [command(line, { isBackground: true }), { text: 'Serving.' }]);
    await until('it runs', async () => (await findProcesses(mark)).length >= 2);
    await server.api.deleteTask({ params: { taskId: task.id }, query: { discardWork: true } });
    await until('it is gone', async () => (await findProcesses(mark)).length === 0);
  });
});
