import { join } from 'node:path';
import { startEmbeddedPostgres } from '@shadow/db';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { followUntil, type RunningServer, startServer } from '../support/running-server.ts';
import { command, SCRIPTED, scriptPrompt } from '../support/script.ts';
import { openCluster } from './support/cluster.ts';
import { allObjects, deletePod } from './support/objects.ts';
import { remoteEnvironment } from './support/remote-server.ts';
import { until } from './support/warm-pools.ts';

it('two servers on one database run tasks beside each other, and neither takes the other’s pods for orphans', async () => {
  await using cluster = await openCluster();
  await using directory = await temporaryDirectory();
  const log = pino({ level: 'silent' });
  await using postgres = await startEmbeddedPostgres({ home: join(directory.path, 'database'), log });
  const repository = await makeRepository(join(directory.path, 'project'), { 'readme.md': '# Project\n' });
  const start = (home: string): Promise<RunningServer> =>
    startServer(join(directory.path, home), {
      ...remoteEnvironment(cluster.namespace),
      DATABASE_URL: postgres.connectionString,
      RECONCILE_INTERVAL_MS: '1000',
    });
  await using first = await start('first');
  await using second = await start('second');
  // Whichever server has room takes a turn; either answers for it.
  const run = async (server: RunningServer, index: number) => {
    const prompt = scriptPrompt(`Task ${index}`, [command(`echo ${index} > n.txt`), { text: 'Done.' }]);
    const { id } = await server.api.createTask({ body: { repository, prompt, model: SCRIPTED } });
    await until(`task ${index} rests`, async () => {
      const { status } = await server.api.getTask({ params: { taskId: id } });
      return status === 'ready-for-review' || status === 'failed';
    });
    return server.api.getTask({ params: { taskId: id } });
  };
  const finished = await Promise.all([run(first, 1), run(second, 2), run(first, 3), run(second, 4)]);
  expect(finished.map(({ status, error }) => ({ status, error }))).toEqual(
    Array(4).fill({ status: 'ready-for-review', error: null }),
  );
  expect((await allObjects(cluster)).pods).toHaveLength(4);

  // A pod that goes from outside is told to the person once, though two servers saw it.
  const lost = finished[0]?.id ?? '';
  await deletePod(cluster, lost);
  const told = async () => {
    const page = await second.api.listEvents({
      params: { taskId: lost },
      query: { afterSeq: 0, limit: 500 },
    });
    return page.events.filter((event) => JSON.stringify(event).includes('WORKSPACE_LOST')).length;
  };
  await until('it is told', async () => (await told()) > 0);
  await second.kill();
  for (const { id } of finished) {
    await first.api.deleteTask({ params: { taskId: id }, query: { discardWork: true } });
  }
  await until('nothing is left', async () => (await allObjects(cluster)).anchors.length === 0);
  expect(await first.api.listTasks({ query: {} })).toMatchObject({ tasks: [] });
});

it('a server that does not run a task shows its terminal live, and stops it', async () => {
  await using cluster = await openCluster();
  await using directory = await temporaryDirectory();
  const log = pino({ level: 'silent' });
  await using postgres = await startEmbeddedPostgres({ home: join(directory.path, 'database'), log });
  const repository = await makeRepository(join(directory.path, 'project'), { 'readme.md': '# Project\n' });
  const environment = { ...remoteEnvironment(cluster.namespace), DATABASE_URL: postgres.connectionString };
  await using first = await startServer(join(directory.path, 'first'), environment);
  const prompt = scriptPrompt('Talk', [
    command('echo begun; until [ -e never ]; do sleep 0.1; echo more; done'),
  ]);
  const { id } = await first.api.createTask({ body: { repository, prompt, model: SCRIPTED } });
  const begun = await followUntil(first, id, ({ type }) => type === 'tool-process');
  await using second = await startServer(join(directory.path, 'second'), environment);
  const process = begun.find((event) => event.type === 'tool-process');
  let shown = '';
  onTestFinished(
    second.realtime.followProcess(id, process?.processId ?? '', {
      fromOffset: 0,
      onFrames: (frames) => {
        for (const frame of frames) if (frame.type === 'data') shown += Buffer.from(frame.data).toString();
      },
    }),
  );
  await until('output comes', () => shown.startsWith('begun') && shown.length > 100);
  const stopped = await second.api.stopTask({ params: { taskId: id } });
  expect(stopped.status).toBe('stopped');
  await second.api.deleteTask({ params: { taskId: id }, query: { discardWork: true } });
  await until('nothing is left', async () => (await allObjects(cluster)).anchors.length === 0);
});
