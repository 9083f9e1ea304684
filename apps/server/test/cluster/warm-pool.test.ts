import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClusterTest, openCluster } from './support/cluster.ts';
import { kubectl } from './support/deployment.ts';
import {
  anchorsOf,
  deleteAnchor,
  openPool,
  type PoolServer,
  progress,
  readyAre,
  readyWarm,
  slotsAre,
  spec,
  startCounting,
  statusWith,
  take,
  tokensOf,
  until,
  watchPool,
} from './support/warm-pools.ts';

let cluster: ClusterTest;
let resources: AsyncDisposableStack;

beforeEach(async () => {
  resources = new AsyncDisposableStack();
  cluster = resources.use(await openCluster());
});
afterEach(() => resources.disposeAsync());

/** A server that keeps a pool of that size. */
async function serve(size: number, environment: Record<string, string> = {}): Promise<PoolServer> {
  const server = resources.use(await openPool(cluster.namespace, size, environment));
  server.pool.start();
  return server;
}

describe('a warm pool', () => {
  it('gives a ready pod in at most four writes, and is full again', async () => {
    const server = await serve(1);
    await readyAre(cluster, 1);
    await slotsAre(cluster, 1);
    const written = await startCounting(cluster.namespace);
    const taken = await take(server, 'task-one');
    await readyAre(cluster, 1);
    await slotsAre(cluster, 1);
    const all = await written();
    const created = new Set(all.filter(({ verb }) => verb === 'create').map(({ name }) => name));
    const claim = all.filter(({ name }) => name === taken?.name);
    expect(claim.map(({ verb, resource, code }) => [verb, resource, code])).toEqual([
      ['patch', 'configmaps', 200],
      ['patch', 'secrets', 200],
      ['patch', 'pods', 200],
    ]);
    // Taking it off the list and noting its successor is one write; the other notes that the successor was made.
    expect(all.filter(({ name }) => name.startsWith('shadow-pool-'))).toHaveLength(2);
    expect(all).toHaveLength(3 + 2 + 4);
    expect(created.size).toBe(1);
  });

  it('gives the same workspace to a task that asks again, writing nothing', async () => {
    const server = await serve(1);
    await readyAre(cluster, 1);
    const taken = await take(server, 'task-one');
    await readyAre(cluster, 1);
    await slotsAre(cluster, 1);
    const written = await startCounting(cluster.namespace);
    const other = resources.use(await openPool(cluster.namespace, 0));
    expect([await take(server, 'task-one'), await take(other, 'task-one')]).toEqual([taken, taken]);
    expect(await written()).toEqual([]);
  });

  it('gives a task with bounds of its own nothing, and one that asks for the usual ones a pod', async () => {
    const server = await serve(1);
    await readyAre(cluster, 1);
    const own = await server.pool.takeWarm(spec('greedy', { memory: '300Mi' }), progress());
    const usual = await server.pool.takeWarm(spec('modest', { cpu: '1000m', memory: '256Mi' }), progress());
    expect([own, usual?.name]).toEqual([undefined, expect.stringMatching(/^shadow-warm-/)]);
  });

  it('opens to the new token alone, also after its container started again with the old one’s digest', async () => {
    const server = await serve(1);
    await readyAre(cluster, 1);
    const { name = '' } = (await take(server, 'task-one')) ?? {};
    const { token, previous } = await tokensOf(cluster, name);
    expect([await statusWith(cluster, name, token), await statusWith(cluster, name, previous)]).toEqual([
      200, 401,
    ]);
    const { namespace, core } = cluster;
    await kubectl('-n', namespace, 'exec', name, '--', 'kill', '1');
    await until('the container is back', async () => {
      const { status } = await core.readNamespacedPod({ name, namespace });
      const [container] = status?.containerStatuses ?? [];
      return (container?.restartCount ?? 0) > 0 && container?.ready === true;
    });
    expect([await statusWith(cluster, name, token), await statusWith(cluster, name, previous)]).toEqual([
      200, 401,
    ]);
  });
});

describe('two servers', () => {
  it('give no pod twice in fifty claims over five pods, and never keep more than the wanted number', async () => {
    const watch = resources.use(await watchPool(cluster));
    const servers = [await serve(5), await serve(5)];
    await readyAre(cluster, 5);
    const given: string[] = [];
    for (const round of [1, 2]) {
      const claims = Array.from({ length: 25 }, (_, index) => {
        const server = servers[index % 2];
        return server === undefined ? undefined : take(server, `task-${round}-${index}`);
      });
      const names = (await Promise.all(claims)).flatMap((taken) => (taken === undefined ? [] : [taken.name]));
      expect(names.length).toBeGreaterThanOrEqual(5);
      given.push(...names);
      for (const name of names) await deleteAnchor(cluster, name);
      await readyAre(cluster, 5);
    }
    expect(new Set(given).size).toBe(given.length);
    expect([...watch.owners.values()].every((tasks) => tasks.size === 1)).toBe(true);
    expect(watch.most).toBe(5);
  });

  it('keep to the number through random restarts, claims and deletions', async () => {
    const watch = resources.use(await watchPool(cluster));
    let seed = 421;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % below;
    };
    const servers = [await serve(3), await serve(3)];
    const claimed: string[] = [];
    for (let turn = 0; turn < 24; turn += 1) {
      const index = random(2);
      const server = servers[index];
      const act = random(4);
      if (act === 0) {
        await server?.[Symbol.asyncDispose]();
        servers[index] = await serve(3);
      } else if (act === 1) {
        const name = claimed.pop() ?? (await anchorsOf(cluster)).warm[0]?.metadata?.name;
        if (name !== undefined) await deleteAnchor(cluster, name).catch(() => undefined);
      } else if (server !== undefined) {
        const taken = await take(server, `task-${turn}`);
        if (taken !== undefined) claimed.push(taken.name);
      }
      await new Promise((resolve) => setTimeout(resolve, random(1500)));
    }
    for (const name of claimed) await deleteAnchor(cluster, name);
    await readyAre(cluster, 3);
    await slotsAre(cluster, 3);
    expect((await anchorsOf(cluster)).warm).toHaveLength(3);
    expect([...watch.owners.values()].every((tasks) => tasks.size === 1)).toBe(true);
    expect(watch.most).toBe(3);
  });
});

describe('a pool whose settings change', () => {
  it('replaces pods of the earlier template, and gives none of them meanwhile', async () => {
    const first = await serve(1);
    await readyAre(cluster, 1);
    await first[Symbol.asyncDispose]();
    const [old] = await readyWarm(cluster);
    const second = resources.use(await openPool(cluster.namespace, 1, { REMOTE_EGRESS: 'cluster' }));
    expect(await take(second, 'task-one')).toBeUndefined();
    second.pool.start();
    await until('it is replaced', async () => {
      const [name] = await readyWarm(cluster);
      return name !== undefined && name !== old;
    });
    expect(await take(second, 'task-one')).toBeDefined();
  });

  it('shrinks and goes away without a claimed one', async () => {
    const first = await serve(3);
    await readyAre(cluster, 3);
    const { name = '' } = (await take(first, 'task-one')) ?? {};
    await readyAre(cluster, 3);
    await first[Symbol.asyncDispose]();
    const second = await serve(1);
    await until('one is left', async () => (await anchorsOf(cluster)).warm.length === 1);
    await second[Symbol.asyncDispose]();
    await serve(0);
    await until('none is left', async () => (await anchorsOf(cluster)).warm.length === 0);
    const { claimed } = await anchorsOf(cluster);
    expect(claimed.map(({ metadata }) => metadata?.name)).toEqual([name]);
  });

  it('takes over what is warm when somebody deletes its list', async () => {
    const server = await serve(2);
    await readyAre(cluster, 2);
    const before = (await readyWarm(cluster)).toSorted();
    await deleteAnchor(cluster, 'shadow-pool-shadow');
    await slotsAre(cluster, 2);
    expect((await readyWarm(cluster)).toSorted()).toEqual(before);
    await server[Symbol.asyncDispose]();
  });
});

describe('a pod that does not come up', () => {
  it('is replaced ever more slowly, with its reason said once', async () => {
    const server = await serve(1, { SIDECAR_IMAGE: 'no-such-image:1', REMOTE_IMAGE_PULL_POLICY: 'Never' });
    const names = new Set<string>();
    await until('it was replaced', async () => {
      for (const { metadata } of (await anchorsOf(cluster)).warm) names.add(metadata?.name ?? '');
      return names.size >= 3;
    });
    const reasons = server.said.filter((line) => line.includes('does not come up'));
    expect(reasons).toHaveLength(1);
    expect(reasons[0]).toContain('no-such-image');
    expect((await anchorsOf(cluster)).warm.length).toBeLessThanOrEqual(1);
  });

  it('waits where the quota allows no more, and comes when it does', async () => {
    const { core, namespace } = cluster;
    const quota = { metadata: { name: 'few' }, spec: { hard: { pods: '1' } } };
    await core.createNamespacedResourceQuota({ namespace, body: quota });
    const server = await serve(2);
    await readyAre(cluster, 1);
    await until('it says why', () => server.said.some((line) => line.includes('exceeded quota')));
    await core.deleteNamespacedResourceQuota({ namespace, name: 'few' });
    await readyAre(cluster, 2);
    expect(server.said.filter((line) => line.includes('exceeded quota'))).toHaveLength(1);
  });
});
