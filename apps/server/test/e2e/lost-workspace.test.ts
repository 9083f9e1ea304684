import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TaskEvent } from '@shadow/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { git, makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import {
  followUntilSettled,
  type RunningServer,
  runTask,
  startServer,
  workspacesOf,
} from '../support/running-server.ts';
import { command, resultsOf, SCRIPTED, type Step, scriptPrompt, write } from '../support/script.ts';

const resources = new AsyncDisposableStack();
let server: RunningServer;
let repository: string;

beforeAll(async () => {
  const directory = resources.use(await temporaryDirectory()).path;
  repository = await makeRepository(join(directory, 'project'), { 'readme.md': '# Project\n' });
  server = resources.use(await startServer(join(directory, 'home'), {}));
}, 120_000);
afterAll(() => resources.disposeAsync());

const work = [write('work.txt', 'precious\n'), { text: 'Done.' }];

/** Takes the workspace of a task away, as a person who cleans up a disk would. */
const lose = (taskId: string) => rm(join(workspacesOf(server.home), taskId), { recursive: true });

async function followUp(taskId: string, steps: Step[]): Promise<TaskEvent[]> {
  const params = { taskId };
  const { lastSeq } = await server.api.getTask({ params });
  await server.api.sendMessage({ params, body: { text: scriptPrompt('Go on', steps) } });
  return await followUntilSettled(server, taskId, lastSeq);
}

function noticesIn(events: TaskEvent[]): string[] {
  return events.flatMap((event) =>
    event.type === 'notice' && event.code === 'WORKSPACE_LOST' ? [event.message] : [],
  );
}

describe('a task whose workspace was lost', { timeout: 180_000 }, () => {
  it('starts from its base again with the next message, and says what is gone', async () => {
    const { task } = await runTask(server, {
      repository,
      prompt: scriptPrompt('Work', work),
      model: SCRIPTED,
    });
    await lose(task.id);
    const events = await followUp(task.id, [command('ls; cat work.txt || echo gone'), { text: 'Done.' }]);
    expect(resultsOf(events, 'executeCommand')[0]?.preview).toContain('gone');
    expect(noticesIn(events).join('\n')).toMatch(/made again[\s\S]*not pushed, so what was done .* is gone/);
    expect(events.at(-1)).toMatchObject({ type: 'status', status: 'ready-for-review' });
    const again = await server.api.getTask({ params: { taskId: task.id } });
    expect(again).toMatchObject({ branch: task.branch, baseCommit: task.baseCommit, additions: 0 });
  });

  it('tells the model, too, before the message that brings it back', async () => {
    const { task } = await runTask(server, {
      repository,
      prompt: scriptPrompt('Work', work),
      model: SCRIPTED,
    });
    await lose(task.id);
    await followUp(task.id, [{ text: 'Seen.' }]);
    const { messages } = await server.api.listMessages({ params: { taskId: task.id }, query: {} });
    const said = messages.filter(({ role }) => role === 'user').map(({ parts }) => JSON.stringify(parts));
    expect(said).toEqual([
      expect.stringContaining('Work'),
      expect.stringContaining('was lost'),
      expect.stringContaining('Go on'),
    ]);
  });

  it('goes on from its branch where that was pushed, compared with the base as before', async () => {
    const { task } = await runTask(server, {
      repository,
      prompt: scriptPrompt('Push', work),
      model: SCRIPTED,
    });
    const copy = join(workspacesOf(server.home), task.id, 'repo');
    await git(copy, 'push', '--quiet', repository, task.branch ?? '');
    await lose(task.id);
    const events = await followUp(task.id, [
      command('cat work.txt'),
      write('more.txt', 'more\n'),
      { text: 'x' },
    ]);
    expect(resultsOf(events, 'executeCommand')[0]?.preview).toContain('precious');
    expect(noticesIn(events).join('\n')).toContain('as it was pushed');
    const params = { taskId: task.id };
    const { baseBranch, baseCommit } = await server.api.getTask({ params });
    expect({ baseBranch, baseCommit }).toEqual({ baseBranch: 'main', baseCommit: task.baseCommit });
    const { files } = await server.api.getDiff({ params });
    expect(files.map(({ path }) => path)).toEqual(['more.txt', 'work.txt']);
  });

  it('is made again once: the message after that finds it as it was left', async () => {
    const { task } = await runTask(server, {
      repository,
      prompt: scriptPrompt('Work', work),
      model: SCRIPTED,
    });
    await lose(task.id);
    await followUp(task.id, work);
    const events = await followUp(task.id, [command('cat work.txt'), { text: 'Done.' }]);
    expect(resultsOf(events, 'executeCommand')[0]?.preview).toContain('precious');
    expect(noticesIn(events)).toEqual([]);
  });
});
