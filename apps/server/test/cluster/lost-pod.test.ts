import { join } from 'node:path';
import type { TaskEvent } from '@shadow/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { GitRemotes } from '../../src/execution/conformance/index.ts';
import { startGitServer } from '../conformance/support/git-server.ts';
import { temporaryDirectory } from '../support/git-repository.ts';
import { followUntilSettled, type RunningServer, runTask } from '../support/running-server.ts';
import { command, endsOf, resultsOf, SCRIPTED, type Step, scriptPrompt, write } from '../support/script.ts';
import { until } from '../support/until.ts';
import { type ClusterTest, NODE, openCluster } from './support/cluster.ts';
import { deletePod, objectsOfTask } from './support/objects.ts';
import { startRemoteServer } from './support/remote-server.ts';

const resources = new AsyncDisposableStack();
let cluster: ClusterTest;
let remotes: GitRemotes;
let server: RunningServer;
let repository: string;
let base: string;

beforeAll(async () => {
  cluster = resources.use(await openCluster());
  remotes = resources.use(await startGitServer(NODE));
  repository = await remotes.create();
  base = await remotes.commit(repository, 'main', { 'readme.md': '# Project\n' });
  const directory = resources.use(await temporaryDirectory()).path;
  server = resources.use(await startRemoteServer(join(directory), cluster.namespace));
});
afterAll(() => resources.disposeAsync());

async function finished(steps: Step[]) {
  const prompt = scriptPrompt('Work', [write('work.txt', 'precious\n'), ...steps, { text: 'Done.' }]);
  const { task } = await runTask(server, { repository, prompt, model: SCRIPTED });
  expect(task.status).toBe('ready-for-review');
  return task;
}

/** Deletes a task's pod and waits until nothing of it is left. @returns its uid */
async function losePod(taskId: string): Promise<string | undefined> {
  const { pods } = await objectsOfTask(cluster, taskId);
  await deletePod(cluster, taskId);
  await until('the pod is gone', async () => (await objectsOfTask(cluster, taskId)).pods.length === 0);
  return pods[0]?.uid;
}

async function followUp(taskId: string, steps: Step[]): Promise<TaskEvent[]> {
  const params = { taskId };
  const { lastSeq } = await server.api.getTask({ params });
  await server.api.sendMessage({ params, body: { text: scriptPrompt('Go on', steps) } });
  return await followUntilSettled(server, taskId, lastSeq);
}

function noticesIn(events: TaskEvent[]): string {
  return events.flatMap((event) => (event.type === 'notice' ? [event.message] : [])).join('\n');
}

it('a task whose pod is lost gets a new one with the next message, and says plainly what is gone', async () => {
  const task = await finished([]);
  const lost = await losePod(task.id);
  const events = await followUp(task.id, [command('cat work.txt || echo gone'), { text: 'Done.' }]);
  expect(events.at(-1)).toMatchObject({ type: 'status', status: 'ready-for-review' });
  expect(resultsOf(events, 'executeCommand')[0]?.preview).toContain('gone');
  expect(noticesIn(events)).toContain('REMOTE_STORAGE=emptyDir');
  expect(noticesIn(events)).toMatch(/starts from main again .* not pushed, so what was done .* is gone/);
  const { anchors, pods } = await objectsOfTask(cluster, task.id);
  expect([anchors.length, pods.length]).toEqual([1, 1]);
  expect(pods[0]?.uid).not.toBe(lost);
});

it('goes on from its branch in the new pod where that was pushed', async () => {
  const task = await finished([]);
  await remotes.commit(repository, task.branch ?? '', { 'work.txt': 'pushed\n' });
  await losePod(task.id);
  const more = [command('cat work.txt'), write('more.txt', 'more\n'), { text: 'Done.' }];
  const events = await followUp(task.id, more);
  expect(resultsOf(events, 'executeCommand')[0]?.preview).toContain('pushed');
  expect(noticesIn(events)).toContain('as it was pushed');
  const params = { taskId: task.id };
  expect(await server.api.getTask({ params })).toMatchObject({ baseBranch: 'main', baseCommit: base });
  const { files } = await server.api.getDiff({ params });
  expect(files.map(({ path }) => path)).toEqual(['more.txt', 'work.txt']);
});

it('is brought back when its whole workspace was deleted, and when the pod went in the middle of a turn', async () => {
  const task = await finished([]);
  const { anchors } = await objectsOfTask(cluster, task.id);
  const { core, namespace } = cluster;
  await core.deleteNamespacedConfigMap({ name: anchors[0]?.name ?? '', namespace });
  const params = { taskId: task.id };
  const { lastSeq } = await server.api.getTask({ params });
  const long = scriptPrompt('Long', [command('touch started; sleep 600'), { text: 'Done.' }]);
  await until('the anchor is gone', async () => (await objectsOfTask(cluster, task.id)).anchors.length === 0);
  await server.api.sendMessage({ params, body: { text: long } });
  await until('it works in its new pod', async () => {
    const page = await server.api.listEvents({ params, query: { afterSeq: lastSeq, limit: 1000 } });
    return page.events.some(({ type }) => type === 'tool-process');
  });
  await deletePod(cluster, task.id);
  const interrupted = await followUntilSettled(server, task.id, lastSeq);
  expect(noticesIn(interrupted)).toContain('made again');
  const events = await followUp(task.id, [command('echo back'), { text: 'Done.' }]);
  expect(resultsOf(events, 'executeCommand')[0]?.preview).toContain('back');
  expect(endsOf(events).at(-1)).toMatchObject({ status: 'completed' });
});
