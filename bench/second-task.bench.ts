import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { followUntil, startServer } from '../apps/server/test/support/running-server.ts';
import { startGitServer } from './support/git-server.ts';
import { type Measurement, median } from './support/measurement.ts';
import { git, makeLargeRepository, temporaryDirectory } from './support/place.ts';

export const name =
  'A second task on a repository of 5,000 files, over HTTP from a git server on this machine';

/** Lets the disk finish what was written and removed before, which would else fall on whoever comes next. */
async function settle(): Promise<void> {
  await promisify(execFile)('sync');
}

export async function run({ quick }: { quick: boolean }): Promise<Measurement[]> {
  const files = quick ? 1000 : 5000;
  const rounds = quick ? 3 : 11;
  await using directory = await temporaryDirectory();
  await makeLargeRepository(directory.path, 'large.git', files);
  await using gitServer = await startGitServer(directory.path);
  const repository = gitServer.url('large.git');
  await using server = await startServer(join(directory.path, 'home'));
  const prompt = '```shadow-script\n{"steps": [{"text": "Ready."}]}\n```';
  const createAndWait = async (): Promise<number> => {
    const startedAt = performance.now();
    const { id } = await server.api.createTask({ body: { repository, prompt, model: 'scripted/demo' } });
    await followUntil(server, id, (event) => event.type === 'workspace');
    const took = performance.now() - startedAt;
    await followUntil(server, id, (event) => event.type === 'status' && event.status === 'ready-for-review');
    await server.api.deleteTask({ params: { taskId: id } });
    return took;
  };
  const first = await createAndWait();
  await createAndWait();
  const clones: number[] = [];
  const tasks: number[] = [];
  let transferred = 0;
  // In turns, so that whatever else the machine does falls on both.
  for (let round = 0; round < rounds; round += 1) {
    const target = join(directory.path, 'clone');
    await settle();
    const startedAt = performance.now();
    await git(directory.path, 'clone', '--quiet', '--depth', '1', repository, target);
    clones.push(performance.now() - startedAt);
    await rm(target, { recursive: true });
    const before = gitServer.fetches;
    await settle();
    tasks.push(await createAndWait());
    transferred += gitServer.fetches - before;
  }
  const baseline = { name: 'git clone --depth 1', value: median(clones) };
  return [
    {
      what: 'requests for objects by second tasks',
      value: transferred,
      unit: '',
      limit: { of: 'value', atMost: 0 },
    },
    {
      what: 'second task, create to ready (median)',
      value: median(tasks),
      unit: 'ms',
      baseline,
      limit: { of: 'ratio', atMost: 0.8 },
    },
    { what: 'first task, create to ready', value: first, unit: 'ms', baseline },
  ];
}
