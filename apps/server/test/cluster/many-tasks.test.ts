import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { command, resultsOf, SCRIPTED, scriptPrompt, write } from '../support/script.ts';
import { openCluster } from './support/cluster.ts';
import { allObjects } from './support/objects.ts';
import { startRemoteServer } from './support/remote-server.ts';
import { until } from './support/warm-pools.ts';

const TASKS = 20;

it('runs twenty tasks at once, each in a pod of its own, and leaves nothing behind', async () => {
  await using cluster = await openCluster();
  await using directory = await temporaryDirectory();
  const repository = await makeRepository(join(directory.path, 'project'), { 'readme.md': '# Project\n' });
  await using server = await startRemoteServer(directory.path, cluster.namespace, {
    MAX_CONCURRENT_EXECUTIONS: String(TASKS),
  });
  const run = async (index: number) => {
    const steps = [write('number.txt', `${index}\n`), command('hostname; cat number.txt'), { text: 'Done.' }];
    const prompt = scriptPrompt(`Task ${index}`, steps);
    const { id } = await server.api.createTask({ body: { repository, prompt, model: SCRIPTED } });
    const params = { taskId: id };
    await until(`task ${index} rests`, async () => {
      const { status } = await server.api.getTask({ params });
      return status === 'ready-for-review' || status === 'failed';
    });
    const { events } = await server.api.listEvents({ params, query: { afterSeq: 0, limit: 500 } });
    return { task: await server.api.getTask({ params }), events };
  };
  const finished = await Promise.all(Array.from({ length: TASKS }, (_, index) => run(index)));
  expect(finished.map(({ task: { status, error } }) => ({ status, error }))).toEqual(
    Array(TASKS).fill({ status: 'ready-for-review', error: null }),
  );
  const hosts = finished.map(({ events }, index) => {
    const [, host, number] =
      /^(shadow-\S+)\n(\d+)$/m.exec(resultsOf(events, 'executeCommand')[0]?.preview ?? '') ?? [];
    expect(number).toBe(String(index));
    return host;
  });
  expect(new Set(hosts).size).toBe(TASKS);
  expect((await allObjects(cluster)).pods).toHaveLength(TASKS);
  await Promise.all(
    finished.map(({ task }) =>
      server.api.deleteTask({ params: { taskId: task.id }, query: { discardWork: true } }),
    ),
  );
  await until('the cluster is as it was', async () => {
    const { anchors, pods, services, secrets } = await allObjects(cluster);
    return [anchors, pods, services, secrets].every((found) => found.length === 0);
  });
}, 600_000);
