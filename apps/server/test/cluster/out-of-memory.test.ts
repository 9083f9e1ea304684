import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { followUntilSettled, runTask } from '../support/running-server.ts';
import { command, endsOf, resultsOf, SCRIPTED, scriptPrompt, write } from '../support/script.ts';
import { openCluster } from './support/cluster.ts';
import { allObjects, objectsOfTask } from './support/objects.ts';
import { startRemoteServer } from './support/remote-server.ts';

/** Many processes that are each smaller than the sidecar's: the kernel ends the largest, which the container ends with. */
const CROWD =
  'for i in $(seq 60); do (head -c 12000000 /dev/zero; sleep 600) | tail -c 12000000 >/dev/null & done; wait';

it('a command that uses up the memory of its pod ends lost, in the kubelet’s words, and the task goes on in the same pod', async () => {
  await using cluster = await openCluster();
  await using directory = await temporaryDirectory();
  const repository = await makeRepository(join(directory.path, 'project'), { 'readme.md': '# Project\n' });
  await using server = await startRemoteServer(directory.path, cluster.namespace, {
    REMOTE_MEMORY_LIMIT: '256Mi',
    RECONCILE_INTERVAL_MS: '1000',
  });
  const steps = [write('kept.txt', 'kept\n'), command(CROWD), command('cat kept.txt'), { text: 'Done.' }];
  const { task, events } = await runTask(server, {
    repository,
    prompt: scriptPrompt('Grow', steps),
    model: SCRIPTED,
  });
  const [lost, after] = resultsOf(events, 'executeCommand');
  expect(lost).toMatchObject({ outcome: 'failed' });
  expect(lost?.preview).toContain('OOMKilled');
  expect(lost?.preview).toContain('REMOTE_MEMORY_LIMIT');
  expect(after?.preview).toContain('kept');
  expect(task).toMatchObject({ status: 'ready-for-review', error: null });
  const params = { taskId: task.id };
  const { lastSeq } = await server.api.getTask({ params });
  const text = scriptPrompt('Go on', [command('cat kept.txt; ps -A | grep -c tail'), { text: 'Done.' }]);
  await server.api.sendMessage({ params, body: { text } });
  const more = await followUntilSettled(server, task.id, lastSeq);
  expect(endsOf(more).at(-1)).toMatchObject({ status: 'completed' });
  expect(resultsOf(more, 'executeCommand')[0]?.preview).toContain('kept\n0');
  const { anchors, pods } = await objectsOfTask(cluster, task.id);
  expect([anchors.length, pods.length]).toEqual([1, 1]);
  await server.api.deleteTask({ params, query: { discardWork: true } });
  const nothing = { anchors: [], pods: [], services: [], secrets: [] };
  await vi.waitFor(async () => expect(await allObjects(cluster)).toEqual(nothing), { timeout: 60_000 });
});
