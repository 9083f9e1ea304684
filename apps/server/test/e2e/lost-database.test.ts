import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createDatabase, startEmbeddedPostgres } from '@shadow/db';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryDirectory } from '../support/git-repository.ts';
import { followUntilSettled, type RunningServer, startServer } from '../support/running-server.ts';
import { command, endsOf, resultsOf, SCRIPTED, scriptPrompt } from '../support/script.ts';

const CALLS = 40;
const log = pino({ level: 'silent' });
const resources = new AsyncDisposableStack();
let server: RunningServer;
let connectionString: string;

beforeAll(async () => {
  const directory = resources.use(await temporaryDirectory()).path;
  const home = join(directory, 'database');
  ({ connectionString } = resources.use(await startEmbeddedPostgres({ home, log })));
  server = resources.use(await startServer(join(directory, 'home'), { DATABASE_URL: connectionString }));
});
afterAll(() => resources.disposeAsync());

/** Ends every connection of the server, as a restart of the database would. */
async function sever(): Promise<number> {
  await using killer = await createDatabase({ connectionString, log });
  const { rows } = await killer.pool.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'shadow%' AND pid <> pg_backend_pid()",
  );
  return rows.length;
}

it('a turn outlives the loss of its database connections, again and again, and each of its calls is made once', async () => {
  const line = (number: number) => command(`echo ${number} >> calls.txt`);
  const steps = Array.from({ length: CALLS }, (_, number) => line(number));
  const prompt = scriptPrompt('Count', [...steps, { text: 'Done.' }]);
  const { id } = await server.api.createTask({ body: { repository: 'sample', prompt, model: SCRIPTED } });
  const settled = followUntilSettled(server, id);
  let ended = 0;
  let done = false;
  const stop = () => {
    done = true;
  };
  settled.then(stop, stop);
  while (!done) {
    ended += await sever();
    await delay(300);
  }
  const events = await settled;
  expect(ended).toBeGreaterThan(0);
  const params = { taskId: id };
  expect(await server.api.getTask({ params })).toMatchObject({ status: 'ready-for-review', error: null });
  expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
  expect(endsOf(events).map((end) => end.status)).toEqual(['completed']);
  expect(resultsOf(events, 'executeCommand')).toHaveLength(CALLS);
  expect((await server.api.listToolCalls({ params })).toolCalls).toHaveLength(CALLS);
  const { executions } = await server.api.listExecutions({ params });
  expect(executions).toMatchObject([{ status: 'completed', toolCallsCount: CALLS }]);
  const { files } = await server.api.getDiff({ params });
  expect(files).toMatchObject([{ path: 'calls.txt', additions: CALLS }]);
});
