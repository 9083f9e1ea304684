import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { git, makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { followUntilSettled, type RunningServer, runTask } from '../support/running-server.ts';
import { command, endsOf, resultsOf, SCRIPTED, type Step, scriptPrompt, write } from '../support/script.ts';
import { until } from '../support/until.ts';
import { type ClusterTest, openCluster } from './support/cluster.ts';
import { objectsOfTask } from './support/objects.ts';
import { startRemoteServer } from './support/remote-server.ts';

const resources = new AsyncDisposableStack();
let cluster: ClusterTest;
let server: RunningServer;
let directory: string;
let repository: string;

beforeAll(async () => {
  cluster = resources.use(await openCluster());
  directory = resources.use(await temporaryDirectory()).path;
  repository = await makeRepository(join(directory, 'project'), { 'readme.md': '# Project\n' });
  server = resources.use(await startRemoteServer(directory, cluster.namespace));
});
afterAll(() => resources.disposeAsync());

function run(title: string, steps: Step[]) {
  return runTask(server, { repository, prompt: scriptPrompt(title, steps), model: SCRIPTED });
}

async function follow(taskId: string, title: string, steps: Step[]) {
  const { lastSeq } = await server.api.getTask({ params: { taskId } });
  await server.api.sendMessage({ params: { taskId }, body: { text: scriptPrompt(title, steps) } });
  const events = await followUntilSettled(server, taskId, lastSeq);
  return { task: await server.api.getTask({ params: { taskId } }), events };
}

describe('a task in a pod', () => {
  it('runs from its prompt to a commit that is ready for review, each step recorded', async () => {
    const { task, events } = await run('Make a file', [
      write('one.txt', 'one\n'),
      command('id -u; pwd; hostname; cat one.txt'),
      { text: 'Made.' },
    ]);
    expect(task).toMatchObject({ status: 'ready-for-review', error: null, additions: 1 });
    const steps = events.flatMap((event) => (event.type === 'init-step' ? [event] : []));
    expect(steps.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'CREATE_POD running',
      'CREATE_POD completed',
      'WAIT_SIDECAR_READY running',
      'WAIT_SIDECAR_READY completed',
      'CLONE_TO_POD running',
      'CLONE_TO_POD completed',
    ]);
    const output = resultsOf(events, 'executeCommand')[0]?.preview ?? '';
    expect(output).toContain('1000\n/workspace/repo\n');
    expect(output).toContain('one');
    const { files } = await server.api.getDiff({ params: { taskId: task.id } });
    expect(files.map((file) => file.path)).toEqual(['one.txt']);
    const objects = await objectsOfTask(cluster, task.id);
    expect(objects.pods).toHaveLength(1);
    expect(objects.services).toHaveLength(1);
    expect(objects.secrets).toHaveLength(1);
  });

  it('goes on in the same pod with a follow-up, and finds what it left', async () => {
    const first = await run('Make a file', [
      write('one.txt', 'one\n'),
      command('echo loose > ignored.tmp'),
      { text: 'Made.' },
    ]);
    const before = await objectsOfTask(cluster, first.task.id);
    const second = await follow(first.task.id, 'Look', [
      command('cat one.txt ignored.tmp'),
      { text: 'Seen.' },
    ]);
    expect(second.task).toMatchObject({ status: 'ready-for-review', branch: first.task.branch });
    expect(resultsOf(second.events, 'executeCommand')[0]?.preview).toContain('one\nloose');
    const after = await objectsOfTask(cluster, first.task.id);
    expect(after.pods).toEqual(before.pods);
  });

  it('is archived into a bundle that plain git reads, and leaves nothing in the cluster', async () => {
    const { task } = await run('Work', [write('work.txt', 'work\n'), { text: 'Done.' }]);
    const params = { taskId: task.id };
    const before = await server.api.getDiff({ params });
    expect(await server.api.archiveTask({ params })).toMatchObject({ status: 'archived' });
    await until('its objects are gone', async () => {
      const { anchors, pods, services, secrets } = await objectsOfTask(cluster, task.id);
      return [anchors, pods, services, secrets].every((found) => found.length === 0);
    });
    expect(await server.api.getDiff({ params })).toEqual(before);
    const bundle = join(server.home, 'archives', `${task.id}.bundle`);
    const clone = join(directory, 'clone-of-archive');
    await git(directory, 'clone', '--quiet', repository, clone);
    await git(clone, 'fetch', '--quiet', bundle, `${task.branch}:restored`);
    expect(await git(clone, 'rev-parse', 'restored')).toBe(task.headCommit);
    const { events } = await server.api.listEvents({ params, query: { afterSeq: 0, limit: 500 } });
    const cleaned = events.flatMap((event) =>
      event.type === 'init-step' && event.name === 'CLEANUP_POD' ? [event.status] : [],
    );
    expect(cleaned).toEqual(['running', 'completed']);
  });

  it('refuses to be deleted with work in it, and goes whole when it is to be discarded', async () => {
    const { task } = await run('Work', [write('work.txt', 'work\n'), { text: 'Done.' }]);
    const params = { taskId: task.id };
    await expect(server.api.deleteTask({ params })).rejects.toMatchObject({
      code: 'WORKSPACE_HAS_UNSAVED_WORK',
      details: { commits: 1, uncommitted: false },
    });
    await server.api.deleteTask({ params, query: { discardWork: true } });
    await until('its objects are gone', async () => {
      const { anchors, pods } = await objectsOfTask(cluster, task.id);
      return anchors.length === 0 && pods.length === 0;
    });
  });

  it('is stopped within its command, and the pod has nobody left of it', async () => {
    const steps = [write('kept.txt', 'kept\n'), command('sleep 86399 & sleep 86399'), { text: 'never' }];
    const { id } = await server.api.createTask({
      body: { repository, prompt: scriptPrompt('Long', steps), model: SCRIPTED },
    });
    const params = { taskId: id };
    await until('the command runs', async () => {
      const { events } = await server.api.listEvents({ params, query: { afterSeq: 0, limit: 500 } });
      return events.some((event) => event.type === 'tool-process');
    });
    expect(await server.api.stopTask({ params })).toMatchObject({ status: 'stopped', error: null });
    const next = await follow(id, 'Look', [
      command('pgrep -cf "sleep 8639[9]"; cat kept.txt'),
      { text: 'Seen.' },
    ]);
    expect(resultsOf(next.events, 'executeCommand')[0]?.preview).toContain('0\nkept');
    expect(endsOf(next.events).at(-1)).toMatchObject({ status: 'completed' });
  });

  it('says what is wrong with a repository that is not there, and can be tried again', async () => {
    const missing = await runTask(server, {
      repository: join(directory, 'missing'),
      prompt: scriptPrompt('Never', [{ text: 'never' }]),
      model: SCRIPTED,
    });
    expect(missing.task).toMatchObject({ status: 'failed', error: { code: 'REPOSITORY_NOT_FOUND' } });
    const other = await makeRepository(join(directory, 'other'), { 'a.txt': 'a\n' });
    const { task } = await runTask(server, {
      repository: other,
      baseBranch: 'no-such-branch',
      prompt: scriptPrompt('Never', [{ text: 'never' }]),
      model: SCRIPTED,
    });
    expect(task).toMatchObject({ status: 'failed', error: { code: 'BRANCH_NOT_FOUND' } });
    await git(other, 'branch', 'no-such-branch');
    const next = await follow(task.id, 'Again', [command('cat a.txt'), { text: 'There.' }]);
    expect(next.task).toMatchObject({ status: 'ready-for-review', error: null });
  });
});
