import { join } from 'node:path';
import { ShadowError } from '@shadow/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { followUntil, followUntilSettled, type RunningServer } from '../support/running-server.ts';
import { command, resultsOf, SCRIPTED, type Step, scriptPrompt, write } from '../support/script.ts';
import { type ClusterTest, openCluster } from './support/cluster.ts';
import { allObjects, objectsOfTask } from './support/objects.ts';
import { startRemoteServer } from './support/remote-server.ts';
import { until } from './support/warm-pools.ts';

const resources = new AsyncDisposableStack();
let cluster: ClusterTest;
let directory: string;
let repository: string;
let server: RunningServer;

beforeAll(async () => {
  cluster = resources.use(await openCluster());
  directory = resources.use(await temporaryDirectory()).path;
  repository = await makeRepository(join(directory, 'project'), { 'readme.md': '# Project\n' });
  server = resources.use(await startRemoteServer(directory, cluster.namespace));
});
afterAll(() => resources.disposeAsync());

async function restart(): Promise<void> {
  await server.kill();
  server = resources.use(await startRemoteServer(directory, cluster.namespace));
}

function begin(title: string, steps: Step[]) {
  return server.api.createTask({ body: { repository, prompt: scriptPrompt(title, steps), model: SCRIPTED } });
}

async function follow(taskId: string, steps: Step[]) {
  const { lastSeq } = await server.api.getTask({ params: { taskId } });
  await server.api.sendMessage({ params: { taskId }, body: { text: scriptPrompt('Go on', steps) } });
  return followUntilSettled(server, taskId, lastSeq);
}

/** One of each, and nothing of anybody else. */
async function expectOneWorkspace(taskId: string): Promise<void> {
  const { anchors, pods, services, secrets } = await objectsOfTask(cluster, taskId);
  expect([anchors, pods, services, secrets].map((found) => found.length)).toEqual([1, 1, 1, 1]);
  expect((await allObjects(cluster)).anchors).toEqual(anchors);
}

async function remove(taskId: string): Promise<void> {
  await server.api.deleteTask({ params: { taskId }, query: { discardWork: true } });
  await until('the cluster is empty again', async () => {
    const { anchors, pods, services, secrets } = await allObjects(cluster);
    return [anchors, pods, services, secrets].every((found) => found.length === 0);
  });
}

describe('a server that is killed', () => {
  for (const name of ['CREATE_POD', 'WAIT_SIDECAR_READY', 'CLONE_TO_POD'] as const) {
    for (const status of ['running', 'completed'] as const) {
      it(`when ${name} is ${status}: the next message brings the one workspace up and goes on`, async () => {
        const { id } = await begin('Work', [write('work.txt', 'work\n'), { text: 'Done.' }]);
        await followUntil(
          server,
          id,
          (event) => event.type === 'init-step' && event.name === name && event.status === status,
        );
        await restart();
        expect(await server.api.getTask({ params: { taskId: id } })).toMatchObject({ status: 'interrupted' });
        const events = await follow(id, [command('git status --short --branch'), { text: 'Done.' }]);
        expect(await server.api.getTask({ params: { taskId: id } })).toMatchObject({
          status: 'ready-for-review',
          error: null,
        });
        expect(resultsOf(events, 'executeCommand')[0]?.preview).toContain('## shadow/');
        await expectOneWorkspace(id);
        await remove(id);
      });
    }
  }

  it('within a command: the files stay, the command of the lost turn is ended, and the pod is the same', async () => {
    const { id } = await begin('Work', [
      write('kept.txt', 'kept\n'),
      command('echo half > half.txt; sleep 86397'),
      { text: 'never' },
    ]);
    await followUntil(server, id, (event) => event.type === 'tool-process');
    const before = await objectsOfTask(cluster, id);
    await restart();
    const events = await follow(id, [
      command('cat kept.txt half.txt; pgrep -cf "sleep 8639[7]"'),
      { text: 'Seen.' },
    ]);
    expect(resultsOf(events, 'executeCommand')[0]?.preview).toContain('kept\nhalf\n0');
    expect((await objectsOfTask(cluster, id)).pods).toEqual(before.pods);
    await remove(id);
  });

  it('while it removes a workspace: asked again, nothing is left', async () => {
    const { id } = await begin('Look', [command('ls'), { text: 'Looked.' }]);
    await followUntilSettled(server, id);
    const deleting = server.api.deleteTask({ params: { taskId: id } }).catch(() => undefined);
    await until('the removal has begun', async () => {
      const { pods } = await objectsOfTask(cluster, id);
      return pods.every((pod) => pod.isTerminating);
    });
    await server.kill();
    await deleting;
    server = resources.use(await startRemoteServer(directory, cluster.namespace));
    // Either the server has finished the removal by itself, or it does when it is asked again.
    await until('nothing is left', async () => {
      await server.api.deleteTask({ params: { taskId: id } }).catch(() => undefined);
      const gone = await server.api.getTask({ params: { taskId: id } }).then(
        () => false,
        (error: unknown) => error instanceof ShadowError && error.code === 'TASK_NOT_FOUND',
      );
      return gone && (await allObjects(cluster)).anchors.length === 0;
    });
  });
});
