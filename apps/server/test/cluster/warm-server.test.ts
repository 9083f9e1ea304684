import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { runTask } from '../support/running-server.ts';
import { command, resultsOf, SCRIPTED, scriptPrompt } from '../support/script.ts';
import { openCluster } from './support/cluster.ts';
import { objectsOfTask } from './support/objects.ts';
import { startRemoteServer } from './support/remote-server.ts';
import { anchorsOf, readyWarm, until } from './support/warm-pools.ts';

it('a server’s tasks get warm pods, one with bounds of its own a cold one, and an orphan of the pool’s goes', async () => {
  await using cluster = await openCluster();
  await using directory = await temporaryDirectory();
  const repository = await makeRepository(join(directory.path, 'project'), { 'readme.md': '# Project\n' });
  const settings = { REMOTE_WARM_POOL_SIZE: '1', RECONCILE_INTERVAL_MS: '1000' };
  const server = await startRemoteServer(directory.path, cluster.namespace, settings);
  await until('one is ready', async () => (await readyWarm(cluster)).length === 1);
  const [warm] = await readyWarm(cluster);
  const prompt = scriptPrompt('Look', [command('cat readme.md; pwd; echo > made.txt'), { text: 'Done.' }]);
  const first = await runTask(server, { repository, prompt, model: SCRIPTED });
  expect(first.task).toMatchObject({ status: 'ready-for-review', error: null });
  expect((await objectsOfTask(cluster, first.task.id)).pods.map(({ name }) => name)).toEqual([warm]);
  const told = first.events.flatMap((event) => (event.type === 'init-log' ? [event.text] : []));
  expect(told.join('')).toContain(`Took ${warm} from the warm pool.`);

  const resources = { cpu: '500m', memory: '300Mi' };
  // What the kernel holds it to, whichever version of cgroups the node has.
  const bounds = ['memory/memory.limit_in_bytes', 'memory.max', 'cpu/cpu.cfs_quota_us', 'cpu.max'];
  const look = command(`cd /sys/fs/cgroup; for file in ${bounds.join(' ')}; do cat $file 2>&1; done; true`);
  const script = scriptPrompt('Bounds', [look, { text: 'Done.' }]);
  const second = await runTask(server, { repository, prompt: script, model: SCRIPTED, resources });
  expect(second.task).toMatchObject({ status: 'ready-for-review', resources });
  const name = `shadow-${second.task.id}`;
  expect((await objectsOfTask(cluster, second.task.id)).pods.map((pod) => pod.name)).toEqual([name]);
  const pod = await cluster.core.readNamespacedPod({ name, namespace: cluster.namespace });
  expect(pod.spec?.containers[0]?.resources?.limits).toMatchObject(resources);
  const held = resultsOf(second.events, 'executeCommand')[0]?.preview ?? '';
  expect(held).toContain(String(300 * 1024 ** 2));
  expect(held).toContain('50000');
  await until('the pool is full again', async () => (await readyWarm(cluster)).length === 1);

  for (const { task } of [first, second]) {
    await server.api.deleteTask({ params: { taskId: task.id }, query: { discardWork: true } });
  }
  expect((await anchorsOf(cluster)).claimed).toEqual([]);
  expect(await server.stop()).toBe(0);
  expect(await readyWarm(cluster)).toHaveLength(1);
  await using _off = await startRemoteServer(directory.path, cluster.namespace, {
    ...settings,
    REMOTE_WARM_POOL_SIZE: '0',
  });
  await until('the pool is gone', async () => (await anchorsOf(cluster)).warm.length === 0);
});
