import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createDatabase, type Database, type Prisma, startEmbeddedPostgres } from '@shadow/db';
import type { TaskEvent } from '@shadow/protocol';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { git, makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import {
  followUntilSettled,
  type RunningServer,
  runTask,
  startServer,
  workspacesOf,
} from '../support/running-server.ts';
import { command, SCRIPTED, scriptPrompt, write } from '../support/script.ts';
import { until } from '../support/until.ts';

const log = pino({ level: 'silent' });
const resources = new AsyncDisposableStack();
/** Of a server that was killed: no live one has it. */
const DEAD = 7;
let directory: string;
let repository: string;
let database: Database;
let settings: Record<string, string>;

beforeAll(async () => {
  directory = resources.use(await temporaryDirectory()).path;
  repository = await makeRepository(join(directory, 'project'), { 'readme.md': '# Project\n' });
  const postgres = resources.use(await startEmbeddedPostgres({ home: join(directory, 'database'), log }));
  const { connectionString } = postgres;
  database = resources.use(await createDatabase({ connectionString, log }));
  settings = { DATABASE_URL: connectionString, RECONCILE_INTERVAL_MS: '1000' };
}, 120_000);
afterAll(() => resources.disposeAsync());

let homes = 0;
const newHome = () => join(directory, `home-${homes++}`);
const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
const wait = { timeout: 180_000 };

/** A server that ends with its test, unless the test ends it before. */
async function started(home: string, environment: Record<string, string>): Promise<RunningServer> {
  const server = await startServer(home, environment);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server;
}

async function finished(server: RunningServer, file = 'work.txt') {
  const prompt = scriptPrompt('Work', [write(file, 'precious\n'), { text: 'Done.' }]);
  return (await runTask(server, { repository, prompt, model: SCRIPTED })).task;
}

const change = (id: string, data: Prisma.TaskUpdateInput) =>
  database.prisma.task.update({ where: { id }, data });
const rowOf = (id: string) =>
  database.prisma.task.findUnique({ where: { id }, include: { workspace: true } });
const directoryOf = (server: RunningServer, id: string) => join(workspacesOf(server.home), id);
const bundleOf = (server: RunningServer, id: string) => join(server.home, 'archives', `${id}.bundle`);

/** What a bundle brings back of a file, in a clone of the repository. */
async function inBundle(bundle: string, branch: string | null, file: string): Promise<string> {
  await using copy = await temporaryDirectory();
  await git(copy.path, 'clone', '--quiet', repository, 'copy');
  await git(join(copy.path, 'copy'), 'fetch', '--quiet', bundle, branch ?? 'HEAD');
  return await git(join(copy.path, 'copy'), 'show', `FETCH_HEAD:${file}`);
}

async function notices(server: RunningServer, taskId: string): Promise<string[]> {
  const { events } = await server.api.listEvents({ params: { taskId }, query: { afterSeq: 0, limit: 1000 } });
  return events.flatMap((event: TaskEvent) => (event.type === 'notice' ? [event.message] : []));
}

describe('workspaces of tasks that nobody knows', wait, () => {
  it('are removed at the start with their work in a bundle; what is no workspace is left alone', async () => {
    const home = newHome();
    const first = await started(home, settings);
    const [kept, deleted] = [await finished(first), await finished(first)];
    await writeFile(join(directoryOf(first, deleted.id), 'repo', 'loose.txt'), 'loose\n');
    await first.kill();
    await database.prisma.task.delete({ where: { id: deleted.id } });
    const places = workspacesOf(home);
    await mkdir(join(places, 'my-project'));
    const stranger = '01890000-0000-7000-8000-000000000001';
    await mkdir(join(places, stranger, 'repo'), { recursive: true });
    await writeFile(join(places, stranger, 'repo', 'file'), 'nobody knows where this came from');
    await mkdir(join(places, '01890000-0000-7000-8000-000000000002', 'repo.new'), { recursive: true });
    await rename(directoryOf(first, kept.id), directoryOf(first, kept.id));
    const server = await started(home, settings);
    await until('the orphans are gone', async () => {
      const left = await readdir(places);
      return left.length === 3;
    });
    expect((await readdir(places)).toSorted()).toEqual([kept.id, stranger, 'my-project'].toSorted());
    const bundle = bundleOf(server, deleted.id);
    expect(await inBundle(bundle, deleted.branch, 'work.txt')).toBe('precious');
    expect(await inBundle(bundle, deleted.branch, 'loose.txt')).toBe('loose');
  });
});

describe('what the death of a server cut off', wait, () => {
  it('is finished: a deletion and an archiving at each of their points', async () => {
    const home = newHome();
    const first = await started(home, settings);
    const tasks = [];
    for (let index = 0; index < 5; index += 1) tasks.push(await finished(first));
    const [deleting, halfDeleted, archiving, archived, halfArchived] = tasks;
    if (!deleting || !halfDeleted || !archiving || !archived || !halfArchived) throw new Error('five tasks');
    const { id } = await first.api.archiveTask({ params: { taskId: halfArchived.id } });
    const { id: other } = await first.api.archiveTask({ params: { taskId: archived.id } });
    await first.kill();
    const by = { maintenanceInstance: DEAD };
    await change(deleting.id, { maintenance: 'DELETE', ...by });
    await change(halfDeleted.id, { maintenance: 'DELETE', ...by });
    await rename(directoryOf(first, halfDeleted.id), `${directoryOf(first, halfDeleted.id)}.removed`);
    await change(archiving.id, { maintenance: 'ARCHIVE', ...by });
    // As it is after the workspace went and before that was written down.
    for (const task of [id, other]) {
      await change(task, {
        status: 'READY_FOR_REVIEW',
        archivedAt: null,
        archivePath: null,
        maintenance: 'ARCHIVE',
        ...by,
      });
    }
    const server = await started(home, settings);
    await until('all of it is finished', async () => {
      return (await database.prisma.task.count({ where: { maintenance: { not: null } } })) === 0;
    });
    expect([await rowOf(deleting.id), await rowOf(halfDeleted.id)]).toEqual([null, null]);
    expect(await readdir(workspacesOf(home))).toEqual([]);
    for (const task of [archiving, archived, halfArchived]) {
      const row = await rowOf(task.id);
      expect(row).toMatchObject({
        status: 'ARCHIVED',
        archivePath: bundleOf(server, task.id),
        workspace: { status: 'REMOVED' },
      });
      expect(await inBundle(bundleOf(server, task.id), task.branch, 'work.txt')).toBe('precious');
      const diff = await server.api.getDiff({ params: { taskId: task.id } });
      expect(diff.files.map(({ path }) => path)).toEqual(['work.txt']);
    }
  });

  it('loses no work when servers are killed at random while they archive and delete', async () => {
    const home = newHome();
    let server = await started(home, settings);
    const tasks = [];
    for (let index = 0; index < 4; index += 1) tasks.push(await finished(server));
    let seed = 20_251;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % below;
    };
    for (let round = 0; round < 3; round += 1) {
      const asked = tasks.map(({ id }) =>
        server.api.archiveTask({ params: { taskId: id } }).catch(() => undefined),
      );
      await new Promise((resolve) => setTimeout(resolve, random(250)));
      await server.kill();
      await Promise.all(asked);
      server = await started(home, settings);
    }
    await until('all of it is finished', async () => {
      return (await database.prisma.task.count({ where: { maintenance: { not: null } } })) === 0;
    });
    for (const { id, branch } of tasks) {
      const row = await rowOf(id);
      const isThere = await exists(join(directoryOf(server, id), 'repo'));
      expect([row?.status, isThere]).toEqual(
        row?.status === 'ARCHIVED' ? ['ARCHIVED', false] : ['READY_FOR_REVIEW', true],
      );
      if (!isThere) expect(await inBundle(bundleOf(server, id), branch, 'work.txt')).toBe('precious');
    }
  });

  it('lets no message in while a task goes, and a deletion is not taken back by a new server', async () => {
    const server = await started(newHome(), { ...settings, RECONCILE_INTERVAL_MS: '86400000' });
    const task = await finished(server);
    await change(task.id, { maintenance: 'DELETE', maintenanceInstance: DEAD });
    const params = { taskId: task.id };
    const busy = expect.objectContaining({ code: 'TASK_STATE_CONFLICT' });
    await expect(server.api.sendMessage({ params, body: { text: 'go on' } })).rejects.toEqual(busy);
    await expect(server.api.archiveTask({ params })).rejects.toEqual(busy);
    await until('the dead server counts as dead', async () => {
      await server.api.deleteTask({ params, query: { discardWork: true } }).catch(() => undefined);
      return (await rowOf(task.id)) === null;
    });
  });
});

describe('a workspace that vanished', wait, () => {
  it('is marked as lost, and the person is told once', async () => {
    const server = await started(newHome(), settings);
    const task = await finished(server);
    await rm(directoryOf(server, task.id), { recursive: true });
    await until('it is marked', async () => (await rowOf(task.id))?.workspace?.status === 'LOST');
    await until('two more looks', async () => {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      return Number(/^shadow_reconciler_passes_total (\d+)/m.exec(text)?.[1] ?? 3) >= 3;
    });
    expect(await notices(server, task.id)).toEqual([
      expect.stringContaining('The workspace of this task is lost'),
    ]);
  });
});

describe('clean-up', wait, () => {
  it('archives the finished tasks unused longest beyond the quota, and none that runs', async () => {
    const home = newHome();
    const first = await started(home, settings);
    const [oldest, middle, newest] = [await finished(first), await finished(first), await finished(first)];
    await first.stop();
    const server = await started(home, { ...settings, WORKSPACE_QUOTA: '2' });
    const body = {
      repository,
      model: SCRIPTED,
      prompt: scriptPrompt('Long', [command('until [ -e go ]; do sleep 0.1; done')]),
    };
    const { id: running } = await server.api.createTask({ body });
    await until('two are archived', async () => {
      return (await readdir(workspacesOf(home))).toSorted().join() === [newest.id, running].toSorted().join();
    });
    const states = await Promise.all(
      [oldest, middle, newest].map(async ({ id }) => (await rowOf(id))?.status),
    );
    expect(states).toEqual(['ARCHIVED', 'ARCHIVED', 'READY_FOR_REVIEW']);
    expect(await inBundle(bundleOf(server, oldest.id), oldest.branch, 'work.txt')).toBe('precious');
    expect(await notices(server, oldest.id)).toEqual([
      expect.stringContaining('more workspaces than allowed'),
    ]);
    await writeFile(join(directoryOf(server, running), 'repo', 'go'), '');
    await followUntilSettled(server, running);
  });

  it('archives by age only the states that it may', async () => {
    const home = newHome();
    const first = await started(home, settings);
    const [reviewed, failed] = [await finished(first), await finished(first)];
    await change(failed.id, { status: 'FAILED' });
    await first.stop();
    await started(home, {
      ...settings,
      WORKSPACE_MAX_AGE_MS: '1',
      WORKSPACE_CLEANUP_STATES: 'ready-for-review',
    });
    await until(
      'the reviewed one is archived',
      async () => (await rowOf(reviewed.id))?.status === 'ARCHIVED',
    );
    expect((await rowOf(failed.id))?.status).toBe('FAILED');
    expect(await exists(join(directoryOf(first, failed.id), 'repo'))).toBe(true);
  });
});

describe('two servers on one database', wait, () => {
  it('one acts at a time, and the other takes over what the killed one left', async () => {
    const shared = { ...settings, WORKSPACE_DIR: join(directory, 'shared') };
    const first = await started(newHome(), shared);
    const task = await finished(first);
    const second = await started(newHome(), shared);
    const leaders = async () => {
      const { rows } = await database.pool.query(
        `SELECT count(*) FILTER (WHERE granted)::int AS leading, count(*)::int AS standing FROM pg_locks WHERE locktype = 'advisory' AND classid = ${0x5d1}`,
      );
      return rows[0];
    };
    await until('both stand', async () => (await leaders()).standing === 2);
    expect(await leaders()).toEqual({ leading: 1, standing: 2 });
    const body = { repository, model: SCRIPTED, prompt: scriptPrompt('Long', [command('sleep 600')]) };
    const running = await first.api.createTask({ body });
    await until('it runs', async () => (await rowOf(running.id))?.status === 'RUNNING');
    const serving = await database.prisma.agentExecution.findFirst({ where: { taskId: running.id } });
    const leads = (server: RunningServer) => server.log().includes('looks after the workspaces');
    const [dies, lives] = leads(first) ? [first, second] : [second, first];
    await dies.kill();
    await change(task.id, { maintenance: 'DELETE', maintenanceInstance: serving?.serverInstance ?? DEAD });
    await until('the other has finished the deletion', async () => (await rowOf(task.id)) === null);
    await until('the turn of the dead one is marked, or still runs here', async () => {
      const status = (await rowOf(running.id))?.status;
      return status === 'INTERRUPTED' || status === 'RUNNING';
    });
    expect(await leaders()).toEqual({ leading: 1, standing: 1 });
    expect(leads(lives)).toBe(true);
  });
});

it('says what it did in its log', { timeout: 180_000 }, async () => {
  const home = newHome();
  const server = await started(home, { ...settings, LOG_FORMAT: 'json' });
  await until('it leads', () => server.log().includes('looks after the workspaces'));
  expect(server.log()).not.toContain('could not compare');
  expect(await readFile(join(home, 'cli-key'), 'utf8')).not.toBe('');
});
