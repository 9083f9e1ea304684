import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ShadowError, type TaskEvent } from '@shadow/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { findProcesses, isRunning } from '../support/processes.ts';
import {
  followUntil,
  followUntilSettled,
  type RunningServer,
  runTask,
  startServer,
} from '../support/running-server.ts';
import { command, SCRIPTED, scriptPrompt, write } from '../support/script.ts';
import { until } from '../support/until.ts';

const DISK_MEGABYTES = 400;
const resources = new AsyncDisposableStack();
let home: string;
let repository: string;
let mounted = false;
let server: RunningServer;

beforeAll(async () => {
  const directory = resources.use(await temporaryDirectory()).path;
  home = join(directory, 'home');
  repository = await makeRepository(join(directory, 'project'), { 'readme.md': '# Project\n' });
  mounted = mountDisk();
  if (!mounted) return;
  resources.defer(() => void execFileSync('umount', ['--lazy', home]));
  server = resources.use(await startServer(home));
});
afterAll(() => resources.disposeAsync());

/** A small disk of its own as SHADOW_HOME; false where this user may not mount one. */
function mountDisk(): boolean {
  mkdirSync(home);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MEGABYTES}m,mode=0755`, 'tmpfs', home], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
}

function fillDisk(): void {
  const file = openSync(join(home, 'ballast'), 'a');
  for (const size of [1024 * 1024, 4096]) {
    const block = Buffer.alloc(size, 1);
    try {
      for (;;) if (writeSync(file, block) < size) break;
    } catch {
      // ENOSPC is what was wanted.
    }
  }
  closeSync(file);
}

const freeDisk = () => rmSync(join(home, 'ballast'));

/** Sends messages until one is refused. @returns ids of the acknowledged ones, and the refusal */
async function sendUntilRefused(taskId: string): Promise<{ acknowledged: string[]; refusal: ShadowError }> {
  const acknowledged: string[] = [];
  const padding = 'x'.repeat(200_000);
  for (;;) {
    try {
      const text = `${scriptPrompt('Next', [{ text: 'Ran.' }])}${acknowledged.length} ${padding}`;
      const sent = await server.api.sendMessage({ params: { taskId }, body: { text } });
      acknowledged.push(sent.executionId);
    } catch (error) {
      if (!(error instanceof ShadowError)) throw error;
      return { acknowledged, refusal: error };
    }
  }
}

async function wholeLog(taskId: string): Promise<TaskEvent[]> {
  const events: TaskEvent[] = [];
  for (let more = true; more; ) {
    const query = { afterSeq: events.at(-1)?.seq ?? 0, limit: 500 };
    const page = await server.api.listEvents({ params: { taskId }, query });
    events.push(...page.events);
    more = page.hasMore;
  }
  return events;
}

it('tells of a full disk, loses nothing acknowledged, and goes on when there is space again', async ({
  skip,
}) => {
  skip(!mounted, 'this user may not mount a small disk');
  const waiting = scriptPrompt('Wait', [
    command('until [ -e go ]; do sleep 0.1; done'),
    write('big.txt', 'y'.repeat(100_000)),
    { text: 'Done.' },
  ]);
  const task = await server.api.createTask({ body: { repository, prompt: waiting, model: SCRIPTED } });
  const seen = await followUntil(server, task.id, (event) => event.type === 'tool-process');

  fillDisk();
  const { acknowledged, refusal } = await sendUntilRefused(task.id);
  expect(refusal.code).toBe('DISK_FULL');
  expect(refusal.message).toMatch(/disk .* is full.*Free some space/);
  expect(await isRunning(server.pid)).toBe(true);

  // The database itself dies, and cannot come up while there is no space for its lock file.
  const database = await findProcesses(join(home, 'postgres'));
  expect(database).not.toEqual([]);
  for (const pid of database) process.kill(pid, 'SIGKILL');
  await until(
    'the API says so',
    async () => (await server.api.getHealth().catch(() => null))?.database !== 'ok',
  );
  const refused = server.api.getTask({ params: { taskId: task.id } });
  await expect(refused).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' });

  freeDisk();
  await until(
    'the database is back',
    async () => (await server.api.getHealth().catch(() => null))?.database === 'ok',
  );
  await server.api.stopTask({ params: { taskId: task.id } });
  const { lastSeq } = await server.api.getTask({ params: { taskId: task.id } });
  const text = scriptPrompt('After', [write('after.txt', 'after\n'), { text: 'Done.' }]);
  await server.api.sendMessage({ params: { taskId: task.id }, body: { text } });
  await followUntilSettled(server, task.id, lastSeq);
  expect(await server.api.getTask({ params: { taskId: task.id } })).toMatchObject({
    status: 'ready-for-review',
  });

  const events = await wholeLog(task.id);
  expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
  expect(events.slice(0, seen.length)).toEqual(seen);
  const { executions } = await server.api.listExecutions({ params: { taskId: task.id } });
  const known = new Set(executions.map((execution) => execution.id));
  expect(acknowledged.filter((id) => !known.has(id))).toEqual([]);
});

it('tells the agent of a disk that is full under its files, and the turn goes on', async ({ skip }) => {
  skip(!mounted, 'this user may not mount a small disk');
  const prompt = scriptPrompt('Fill', [
    command('head -c 900000000 /dev/zero > zeros; code=$?; rm -f zeros; exit $code'),
    { text: 'It did not fit.' },
  ]);
  const { task, events } = await runTask(server, { repository, prompt, model: SCRIPTED });
  const result = events.find((event) => event.type === 'tool-result');
  expect(result).toMatchObject({ outcome: 'succeeded', exitCode: 1 });
  expect(task).toMatchObject({ status: 'ready-for-review', error: null });
});
