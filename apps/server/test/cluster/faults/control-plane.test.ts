import { once } from 'node:events';
import { connect } from 'node:net';
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

/** Where a command in a pod waits to be told to go on. */
const DOOR = 3999;
/** A command that kills the sidecar’s HTTP process once somebody knocks, and goes on. */
const CRASH = `
  const fs = require('node:fs');
  const isHttp = (pid) => {
    try { return /main[.]\\w+/.test(fs.readFileSync('/proc/' + pid + '/cmdline', 'utf8')); } catch { return false; }
  };
  const door = require('node:net').createServer((socket) => {
    socket.end();
    door.close();
    for (const pid of fs.readdirSync('/proc')) if (/^[0-9]+$/.test(pid) && isHttp(pid)) process.kill(Number(pid), 'SIGKILL');
    console.log('went on');
  }).listen(${DOOR});
`;

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

/** Whoever stands still or is away before that is the only way to the pod. */
async function addressOf(taskId: string): Promise<string> {
  let address: string | undefined;
  await until('the kubelet has told the address of the pod', async () => {
    const name = `shadow-${taskId}`;
    const { status } = await cluster.core.readNamespacedPod({ name, namespace: cluster.namespace });
    address = status?.podIP;
    return address !== undefined;
  });
  return address ?? '';
}

/** Lets the command that waits in a pod go on. @returns whether it was waiting */
async function knock(address: string): Promise<boolean> {
  const knocked = once(connect(DOOR, address).resume(), 'close');
  return await knocked.then(
    () => true,
    () => false,
  );
}

async function remove(taskId: string): Promise<void> {
  await server.api.deleteTask({ params: { taskId }, query: { discardWork: true } });
}

describe('the API server away for half a minute', () => {
  it('stops no task that has its pod, though its sidecar die; a new one says what is wrong and starts afterwards', async () => {
    const { id: working } = await begin('Work', [
      command('until [ -e go ]; do sleep 0.1; done; echo went'),
      write('work.txt', 'work\n'),
      { text: 'Done.' },
    ]);
    const { id: crashing } = await begin('Crash', [command(`node -e "${CRASH}"`), { text: 'Done.' }]);
    const addresses: string[] = [];
    for (const taskId of [working, crashing]) {
      await followUntil(server, taskId, (event) => event.type === 'tool-process');
      addresses.push(await addressOf(taskId));
    }
    await component('apiserver', 'kill');
    // Whatever fails here, the tests after this one need it; a second start would leave a wrong pid behind.
    await using outage = new AsyncDisposableStack();
    outage.defer(() => component('apiserver', 'start'));
    const { id: fresh } = await begin('Fresh', [command('echo fresh'), { text: 'Done.' }]);
    await until('the command listens', () => knock(addresses[1] ?? ''));
    const events = await followUntilSettled(server, crashing);
    expect(resultsOf(events, 'executeCommand')[0]?.preview).toContain('went on');
    await delay(OUTAGE_MS);
    // Its files are reached past the API server, through the pod itself.
    await server.api.getDiff({ params: { taskId: working } });
    await outage.disposeAsync();
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
    for (const taskId of [working, crashing, fresh]) await remove(taskId);
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
    await addressOf(working.id);
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
