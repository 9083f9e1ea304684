import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeRepository, temporaryDirectory } from '../../support/git-repository.ts';
import {
  followUntil,
  followUntilSettled,
  type RunningServer,
  runTask,
} from '../../support/running-server.ts';
import { command, resultsOf, SCRIPTED, type Step, scriptPrompt, write } from '../../support/script.ts';
import { until } from '../../support/until.ts';
import { type ClusterTest, openCluster } from '../support/cluster.ts';
import { component, pausedComponent } from '../support/component.ts';
import { allObjects } from '../support/objects.ts';
import { startRemoteServer } from '../support/remote-server.ts';

/** How long the API server stays away. */
const OUTAGE_MS = 30_000;
/**
 * How long the cluster may take to start pods again: its scheduler and its kubelet ask an API server that is away at
 * intervals of up to 30 s, doubled by chance (client-go's reflector), one after the other.
 */
const RECOVERY_MS = 130_000;

const resources = new AsyncDisposableStack();
let cluster: ClusterTest;
let server: RunningServer;
let repository: string;

beforeAll(async () => {
  cluster = resources.use(await openCluster());
  const directory = resources.use(await temporaryDirectory()).path;
  repository = await makeRepository(join(directory, 'project'), { 'readme.md': '# Project\n' });
  server = resources.use(await startRemoteServer(directory, cluster.namespace));
});
afterAll(() => resources.disposeAsync());

function begin(title: string, steps: Step[]) {
  return server.api.createTask({ body: { repository, prompt: scriptPrompt(title, steps), model: SCRIPTED } });
}

async function remove(taskId: string): Promise<void> {
  await server.api.deleteTask({ params: { taskId }, query: { discardWork: true } });
}

describe('the API server away for half a minute', () => {
  it('stops no task that has its pod; a new one says what is wrong and starts once it is back', async () => {
    const { id: working } = await begin('Work', [
      command('until [ -e go ]; do sleep 0.1; done; echo went'),
      write('work.txt', 'work\n'),
      { text: 'Done.' },
    ]);
    await followUntil(server, working, (event) => event.type === 'tool-process');
    await component('apiserver', 'kill');
    const { id: fresh } = await begin('Fresh', [command('echo fresh'), { text: 'Done.' }]);
    await delay(OUTAGE_MS);
    // Its files are reached past the API server, through the pod itself.
    await server.api.getDiff({ params: { taskId: working } });
    await component('apiserver', 'start');
    await followUntilSettled(server, fresh, 0, RECOVERY_MS);
    const { status, error, lastSeq } = await server.api.getTask({ params: { taskId: fresh } });
    if (status === 'failed') {
      expect(error).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('Kubernetes') });
      await server.api.sendMessage({
        params: { taskId: fresh },
        body: { text: scriptPrompt('Again', [command('echo fresh'), { text: 'Done.' }]) },
      });
      await followUntilSettled(server, fresh, lastSeq, RECOVERY_MS);
    }
    expect(await server.api.getTask({ params: { taskId: fresh } })).toMatchObject({
      status: 'ready-for-review',
      error: null,
    });
    expect(await server.api.getTask({ params: { taskId: working } })).toMatchObject({ status: 'running' });
    await server.api.stopTask({ params: { taskId: working } });
    await followUntilSettled(server, working);
    await remove(working);
    await remove(fresh);
    await until('nothing is left', async () => (await allObjects(cluster)).pods.length === 0);
  }, 400_000);
});

describe('a node whose kubelet stands still', () => {
  it('lets a running task go on, and a new one start when it moves again', async () => {
    const { task: working } = await runTask(server, {
      repository,
      prompt: scriptPrompt('Work', [write('work.txt', 'work\n'), { text: 'Done.' }]),
      model: SCRIPTED,
    });
    // Who stands still before that is the only way to the pod.
    await until('the kubelet has told the address of the pod', async () => {
      const name = `shadow-${working.id}`;
      const { status } = await cluster.core.readNamespacedPod({ name, namespace: cluster.namespace });
      return status?.podIP !== undefined;
    });
    let fresh: string;
    {
      await using _ = await pausedComponent('kubelet');
      const { lastSeq } = await server.api.getTask({ params: { taskId: working.id } });
      await server.api.sendMessage({
        params: { taskId: working.id },
        body: { text: scriptPrompt('More', [command('cat work.txt'), { text: 'Done.' }]) },
      });
      const events = await followUntilSettled(server, working.id, lastSeq);
      expect(resultsOf(events, 'executeCommand')[0]?.preview).toContain('work');
      ({ id: fresh } = await begin('Fresh', [command('echo fresh'), { text: 'Done.' }]));
      await followUntil(
        server,
        fresh,
        (event) =>
          event.type === 'init-step' && event.name === 'WAIT_SIDECAR_READY' && event.status === 'running',
      );
    }
    await followUntilSettled(server, fresh);
    expect(await server.api.getTask({ params: { taskId: fresh } })).toMatchObject({
      status: 'ready-for-review',
      error: null,
    });
    await remove(working.id);
    await remove(fresh);
  });
});
