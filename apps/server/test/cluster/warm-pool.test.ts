import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClusterTest, openCluster } from './support/cluster.ts';
import {
  anchorsOf,
  openPool,
  progress,
  readyWarm,
  spec,
  startCounting,
  until,
} from './support/warm-pools.ts';

const resources = new AsyncDisposableStack();
let cluster: ClusterTest;

beforeAll(async () => {
  cluster = resources.use(await openCluster());
});
afterAll(() => resources.disposeAsync());

describe('a warm pool', () => {
  it('keeps the wanted number ready and gives one at a time, in at most four writes', async () => {
    await using server = await openPool(cluster.namespace, 2);
    server.pool.start();
    await until('two are ready', async () => (await readyWarm(cluster)).length === 2);
    await until('the list is settled', async () => (await anchorsOf(cluster)).warm.length === 2);
    const written = await startCounting(cluster.namespace);
    const taken = await server.pool.takeWarm(spec('task-one'), progress());
    expect(taken?.name).toMatch(/^shadow-warm-/);
    const claims = (await written()).filter(({ name }) => name === taken?.name);
    expect(claims).toEqual([
      { verb: 'patch', resource: 'configmaps', name: taken?.name, code: 200 },
      { verb: 'patch', resource: 'secrets', name: taken?.name, code: 200 },
      { verb: 'patch', resource: 'pods', name: taken?.name, code: 200 },
    ]);
    const again = await server.pool.takeWarm(spec('task-one'), progress());
    expect(again).toEqual(taken);
    await until('it is full again', async () => (await readyWarm(cluster)).length === 2);
    console.log(JSON.stringify(await written(), null, 0));
  });
});
