import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createDatabase, type Database, startEmbeddedPostgres } from '@shadow/db';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { followUntilSettled, type RunningServer, runTask } from '../support/running-server.ts';
import { command, SCRIPTED, scriptPrompt, write } from '../support/script.ts';
import { type ClusterTest, openCluster } from './support/cluster.ts';
import { objectsOfTask } from './support/objects.ts';
import { startRemoteServer } from './support/remote-server.ts';
import { provideVolume, until } from './support/warm-pools.ts';

const log = pino({ level: 'silent' });
const resources = new AsyncDisposableStack();
let cluster: ClusterTest;
let directory: string;
let repository: string;
let database: Database;
let settings: Record<string, string>;

beforeAll(async () => {
  cluster = resources.use(await openCluster());
  directory = resources.use(await temporaryDirectory()).path;
  repository = await makeRepository(join(directory, 'project'), { 'readme.md': '# Project\n' });
  const postgres = resources.use(await startEmbeddedPostgres({ home: join(directory, 'database'), log }));
  const { connectionString } = postgres;
  database = resources.use(await createDatabase({ connectionString, log }));
  const storageClass = `${cluster.namespace}-disks`;
  for (const name of ['one', 'two']) {
    const path = join(directory, `volume-${name}`);
    await mkdir(path);
    resources.use(await provideVolume(cluster, storageClass, path));
  }
  settings = {
    DATABASE_URL: connectionString,
    REMOTE_STORAGE: 'pvc',
    REMOTE_STORAGE_CLASS: storageClass,
    WORKSPACE_CLEANUP_TTL_MS: '3000',
    RECONCILE_INTERVAL_MS: '1000',
  };
});
afterAll(() => resources.disposeAsync());

const stateOf = async (taskId: string) =>
  (await database.prisma.workspace.findUnique({ where: { taskId } }))?.status;

/** Waits until a task's workspace is suspended and its pod gone. */
async function suspended(taskId: string): Promise<void> {
  await until('it is suspended', async () => (await stateOf(taskId)) === 'SUSPENDED');
  expect((await objectsOfTask(cluster, taskId)).pods).toEqual([]);
}

async function finished(server: RunningServer) {
  const prompt = scriptPrompt('Work', [
    write('work.txt', 'precious\n'),
    command('sleep 600', { isBackground: true }),
    { text: 'Done.' },
  ]);
  return (await runTask(server, { repository, prompt, model: SCRIPTED })).task;
}

it('suspends an idle workspace, shows its diff meanwhile, and the next message wakes it with its files', async () => {
  await using server = await startRemoteServer(directory, cluster.namespace, settings);
  const task = await finished(server);
  expect(task.status).toBe('ready-for-review');
  const params = { taskId: task.id };
  await suspended(task.id);
  const { files } = await server.api.getDiff({ params });
  expect(files.map(({ path }) => path)).toEqual(['work.txt']);
  const { lastSeq } = await server.api.getTask({ params });
  const text = scriptPrompt('Go on', [command('cat work.txt; echo more > more.txt'), { text: 'Done.' }]);
  await server.api.sendMessage({ params, body: { text } });
  const events = await followUntilSettled(server, task.id, lastSeq);
  expect(JSON.stringify(events)).toContain('precious');
  expect(events.at(-1)).toMatchObject({ type: 'status', status: 'ready-for-review' });
  await until('it is awake', async () => (await stateOf(task.id)) !== 'SUSPENDED');
  await suspended(task.id);
  await expect(server.api.deleteTask({ params, query: { discardWork: false } })).rejects.toMatchObject({
    code: 'WORKSPACE_HAS_UNSAVED_WORK',
  });
  expect((await server.api.archiveTask({ params })).status).toBe('archived');
  expect((await stat(join(server.home, 'archives', `${task.id}.bundle`))).size).toBeGreaterThan(0);
  expect((await objectsOfTask(cluster, task.id)).anchors).toEqual([]);
});

it('finishes a suspension that a dead server began, then runs the message that came meanwhile', async () => {
  await using server = await startRemoteServer(directory, cluster.namespace, {
    ...settings,
    WORKSPACE_CLEANUP_TTL_MS: '600000',
  });
  const task = await finished(server);
  const params = { taskId: task.id };
  const data = { maintenance: 'SUSPEND', maintenanceInstance: 7 } as const;
  await database.prisma.task.update({ where: { id: task.id }, data });
  const { lastSeq } = await server.api.getTask({ params });
  const text = scriptPrompt('Go on', [command('cat work.txt'), { text: 'Done.' }]);
  await server.api.sendMessage({ params, body: { text } });
  const events = await followUntilSettled(server, task.id, lastSeq);
  expect(JSON.stringify(events)).toContain('precious');
  const steps = events.flatMap((event) => (event.type === 'init-step' ? [event.name] : []));
  expect(steps).toContain('CREATE_POD');
  await server.api.deleteTask({ params, query: { discardWork: true } });
});
