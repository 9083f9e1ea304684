import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/git-repository.ts';
import { startServer } from '../support/running-server.ts';
import { SCRIPTED } from '../support/script.ts';

const body = { repository: 'sample', prompt: 'Look', model: SCRIPTED };

describe.each(['local', 'mock'])('bounds of a task in %s mode', { timeout: 120_000 }, (mode) => {
  it('are refused with the reason, make no task, and are said to be none beforehand', async () => {
    await using directory = await temporaryDirectory();
    await using server = await startServer(join(directory.path, 'home'), { AGENT_MODE: mode });
    expect((await server.api.getMe({})).capabilities).toMatchObject({ taskResources: false });
    for (const resources of [{ cpu: '500m' }, { memory: '1Gi' }, {}]) {
      await expect(server.api.createTask({ body: { ...body, resources } })).rejects.toMatchObject({
        code: 'UNSUPPORTED',
        message: expect.stringContaining('only AGENT_MODE=remote can'),
      });
    }
    for (const resources of [{ cpu: 'many' }, { cpu: '0' }, { memory: '-1Gi' }, { memory: '4 GB' }]) {
      await expect(server.api.createTask({ body: { ...body, resources } })).rejects.toMatchObject({
        code: 'VALIDATION_FAILED',
      });
    }
    expect((await server.api.listTasks({ query: {} })).tasks).toEqual([]);
  });
});
