import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { until } from '../support/processes.ts';
import { runTask } from '../support/running-server.ts';
import { command, resultsOf, SCRIPTED, scriptPrompt, write } from '../support/script.ts';
import { openCluster } from './support/cluster.ts';
import { allObjects } from './support/objects.ts';
import { startRemoteServer } from './support/remote-server.ts';

const TASKS = 20;

it('runs twenty tasks at once, each in a pod of its own, and leaves nothing behind', async () => {
  await using cluster = await openCluster();
  await using directory = await temporaryDirectory();
  const repository = await makeRepository(join(directory.path, 'project'), { 'readme.md': '# Project\n' });
  await using server = await startRemoteServer(directory.path, cluster.namespace, {
    MAX_CONCURRENT_EXECUTIONS: String(TASKS),
  });
  const finished = await Promise.all(
    Array.from({ length: TASKS }, (_, index) =>
      runTask(server, {
        repository,
        prompt: scriptPrompt(`Task ${index}`, [
          write('number.txt', `${index}\n`),
          command('hostname; cat number.txt'),
          { text: 'Done.' },
        ]),
        model: SCRIPTED,
      }),
    ),
  );
  expect(finished.map(({ task }) => task.status)).toEqual(Array(TASKS).fill('ready-for-review'));
  const hosts = finished.map(({ events }, index) => {
    const [host, number] = (resultsOf(events, 'executeCommand')[0]?.preview ?? '').trim().split('\n');
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
