import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { runTask, startServer, workspacesOf } from '../support/running-server.ts';
import { SCRIPTED, scriptPrompt } from '../support/script.ts';

const Line = z.looseObject({ level: z.string(), err: z.object({ stack: z.string() }).optional() });

it('tells the log once what failed unexpectedly while a workspace was made, of which task and in which step', async () => {
  await using directory = await temporaryDirectory();
  const repository = await makeRepository(join(directory.path, 'project'), { 'readme.md': '# Project\n' });
  const home = join(directory.path, 'home');
  await using server = await startServer(home, { LOG_FORMAT: 'json' });
  await rm(workspacesOf(home), { recursive: true, force: true });
  await writeFile(workspacesOf(home), 'no directory');
  const { task } = await runTask(server, { repository, prompt: scriptPrompt('Go', []), model: SCRIPTED });
  expect(task.error).toEqual({
    code: 'INTERNAL',
    message: 'Something failed inside Shadow; its log has the details.',
  });
  const lines = server.log().split('\n').filter(Boolean);
  const errors = lines.map((line) => Line.parse(JSON.parse(line))).filter(({ level }) => level === 'error');
  expect(errors).toMatchObject([{ msg: 'a step failed', taskId: task.id, step: 'PREPARE_WORKSPACE' }]);
  expect(errors[0]?.err?.stack).toMatch(/caused by: Error: (ENOTDIR|EEXIST)/);
});
