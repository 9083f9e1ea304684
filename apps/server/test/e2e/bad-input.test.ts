import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ErrorCode } from '@shadow/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { git, makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { startHostileHost } from '../support/hostile-host.ts';
import { followUntilSettled, type RunningServer, runTask, startServer } from '../support/running-server.ts';
import { SCRIPTED, scriptPrompt } from '../support/script.ts';

const prompt = scriptPrompt('Say hello', [{ text: 'Hello.' }]);
const resources = new AsyncDisposableStack();
let server: RunningServer;
let directory: string;
let hostUrl: string;

beforeAll(async () => {
  directory = resources.use(await temporaryDirectory()).path;
  hostUrl = resources.use(await startHostileHost()).url;
  server = resources.use(await startServer(join(directory, 'home')));
});
afterAll(() => resources.disposeAsync());

/** Runs a task that must fail while its workspace is prepared, and checks that every reader is told the same. */
async function expectPreparationToFail(
  repository: string,
  code: ErrorCode,
  message: RegExp,
  baseBranch?: string,
): Promise<void> {
  const body = { repository, prompt, model: SCRIPTED, ...(baseBranch === undefined ? {} : { baseBranch }) };
  const { task, events } = await runTask(server, body);
  expect(task).toMatchObject({ status: 'failed', error: { code } });
  expect(task.error?.message).toMatch(message);
  const params = { taskId: task.id };
  const { steps } = await server.api.listInitSteps({ params });
  expect(steps).toMatchObject([
    { name: 'PREPARE_WORKSPACE', status: 'failed', attempts: 1, error: { code } },
  ]);
  expect(events.filter((event) => event.type === 'init-step')).toMatchObject([
    { status: 'running' },
    { status: 'failed', error: { code } },
  ]);
  const { executions } = await server.api.listExecutions({ params });
  expect(executions).toMatchObject([{ status: 'failed', error: { code } }]);
}

describe('a repository that cannot be had', () => {
  it('is told to be unknown when its host answers 404', () =>
    expectPreparationToFail(`${hostUrl}/missing/repo.git`, 'REPOSITORY_NOT_FOUND', /no repository at .*404/));

  it('is told to be private when its host answers 401', () =>
    expectPreparationToFail(
      `${hostUrl}/private/repo.git`,
      'REPOSITORY_ACCESS_DENIED',
      /private \(HTTP 401\)/,
    ));

  it('is told to be unreachable when its host fails', () =>
    expectPreparationToFail(`${hostUrl}/broken/repo.git`, 'REPOSITORY_UNREACHABLE', /HTTP 500/));

  it('is told to be unreachable when nothing listens', () =>
    expectPreparationToFail('http://127.0.0.1:9/repo.git', 'REPOSITORY_UNREACHABLE', /ECONNREFUSED/));

  it('is told to be missing when the path leads nowhere', () =>
    expectPreparationToFail(join(directory, 'nowhere'), 'REPOSITORY_NOT_FOUND', /nothing at/));

  it('is told to be no repository when the directory is none', async () => {
    const plain = join(directory, 'plain');
    await mkdir(plain);
    await expectPreparationToFail(plain, 'REPOSITORY_NOT_FOUND', /not a git repository/);
  });

  it('is told to be empty when it has no commit', async () => {
    const empty = join(directory, 'empty');
    await mkdir(empty);
    await git(empty, 'init', '--quiet', '--initial-branch=main');
    await expectPreparationToFail(empty, 'BRANCH_NOT_FOUND', /no commits yet/);
  });

  it('names the branches there are when the one asked for is not among them', async () => {
    const repository = await makeRepository(join(directory, 'branches'), { 'a.txt': 'a\n' });
    await git(repository, 'branch', 'release');
    await expectPreparationToFail(
      repository,
      'BRANCH_NOT_FOUND',
      /no branch "nope"\. It has: main, release/,
      'nope',
    );
  });

  it('can be tried again once it is there, and the task then completes', async () => {
    const late = join(directory, 'late');
    const { task } = await runTask(server, { repository: late, prompt, model: SCRIPTED });
    expect(task).toMatchObject({ status: 'failed', error: { code: 'REPOSITORY_NOT_FOUND' } });
    await makeRepository(late, { 'a.txt': 'a\n' });
    const { retried } = await retry(task.id);
    expect(retried).toMatchObject({ status: 'ready-for-review', error: null });
    const { steps } = await server.api.listInitSteps({ params: { taskId: task.id } });
    expect(steps).toMatchObject([{ status: 'completed', attempts: 2, error: null }]);
  });
});

async function retry(taskId: string) {
  const { lastSeq } = await server.api.getTask({ params: { taskId } });
  await server.api.retryTask({ params: { taskId } });
  await followUntilSettled(server, taskId, lastSeq);
  return { retried: await server.api.getTask({ params: { taskId } }) };
}

describe('a request that cannot be right', () => {
  const refused = async (body: Parameters<typeof server.api.createTask>[0]['body'], code: ErrorCode) => {
    const error = await server.api.createTask({ body }).then(
      () => expect.unreachable('the task was created'),
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code });
    return error as { message: string };
  };

  it('is refused with an empty prompt', async () => {
    const error = await refused({ repository: 'sample', prompt: ' \n ' }, 'VALIDATION_FAILED');
    expect(error.message).toMatch(/prompt.*say what you want done/s);
  });

  it('is refused with a prompt of one megabyte, and says how large it may be', async () => {
    const error = await refused(
      { repository: 'sample', prompt: 'x'.repeat(1024 * 1024) },
      'PROMPT_TOO_LARGE',
    );
    expect(error.message).toMatch(/256 KiB/);
  });

  it('takes a prompt of just under the limit', async () => {
    const long = `${prompt}${'é'.repeat(120_000)}`;
    const { task, events } = await runTask(server, { repository: 'sample', prompt: long, model: SCRIPTED });
    expect(task.status).toBe('ready-for-review');
    expect(events.find((event) => event.type === 'user-message')?.text).toBe(long.trim());
  });

  it('is refused with a model that nobody offers', async () => {
    await refused({ repository: 'sample', prompt, model: 'nobody/none' }, 'MODEL_UNKNOWN');
    await refused({ repository: 'sample', prompt, model: 'scripted/none' }, 'MODEL_UNKNOWN');
  });

  it('is refused with a provider that has no key, and says where to put one', async () => {
    const body = { repository: 'sample', prompt, model: 'anthropic/claude-sonnet-4-5' };
    const error = await refused(body, 'PROVIDER_NOT_CONFIGURED');
    expect(error.message).toMatch(/ANTHROPIC_API_KEY|settings/);
  });

  it('is refused with something that is no repository, or one that holds a password', async () => {
    await refused({ repository: '--upload-pack=touch /tmp/x', prompt }, 'VALIDATION_FAILED');
    const error = await refused(
      { repository: 'https://me:hunter22@example.invalid/r.git', prompt },
      'VALIDATION_FAILED',
    );
    expect(error.message).not.toContain('hunter22');
    await refused({ repository: 'ext::sh -c id', prompt }, 'VALIDATION_FAILED');
  });

  it('is refused with a branch that is no valid name', async () => {
    await refused({ repository: 'sample', prompt, baseBranch: '--orphan' }, 'VALIDATION_FAILED');
  });

  it('left no task behind', async () => {
    const { tasks } = await server.api.listTasks({ query: { limit: 100 } });
    expect(tasks.filter((task) => task.title.startsWith('xxx'))).toEqual([]);
  });
});
