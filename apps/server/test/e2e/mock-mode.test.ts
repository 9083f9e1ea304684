import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/git-repository.ts';
import { type RunningServer, runTask, startServer } from '../support/running-server.ts';
import { SCRIPTED } from '../support/script.ts';

const resources = new AsyncDisposableStack();
let server: RunningServer;

beforeAll(async () => {
  const directory = resources.use(await temporaryDirectory()).path;
  server = resources.use(await startServer(join(directory, 'home'), { AGENT_MODE: 'mock' }));
});
afterAll(() => resources.disposeAsync());

it('runs the demo in a simulated pod, from the steps of its start to the diff', async () => {
  const { task, events } = await runTask(server, {
    repository: 'sample',
    prompt: 'Mend it',
    model: SCRIPTED,
  });
  const steps = events.flatMap((event) =>
    event.type === 'init-step' && event.status === 'completed' ? [event.name] : [],
  );
  expect(steps).toEqual(['CREATE_POD', 'WAIT_SIDECAR_READY', 'CLONE_TO_POD']);
  expect(task).toMatchObject({ status: 'ready-for-review', additions: 1, deletions: 1, error: null });
  const { files } = await server.api.getDiff({ params: { taskId: task.id } });
  expect(files).toMatchObject([{ path: 'src/parse-duration.js', status: 'modified' }]);
  const said = JSON.stringify(events);
  expect(said).toContain('ℹ fail 1');
  expect(said).toContain('ℹ fail 0');
});
