import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { workspacePod } from '../../src/execution/remote/workspaces/workspace-objects.ts';
import { type ClusterTest, openCluster } from './support/cluster.ts';
import {
  anchorsOf,
  deleteAnchor,
  openPool,
  type PoolServer,
  poolConfig,
  readyAre,
  slotsAre,
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

describe('a server that is killed', () => {
  const program = fileURLToPath(new URL('./support/claim-and-die.ts', import.meta.url));

  function doom(order: {
    taskId?: string;
    size: number;
    moment: 'before' | 'after';
    write: number;
  }): ChildProcess {
    const argument = JSON.stringify({ namespace: cluster.namespace, ...order });
    return spawn(process.execPath, [program, argument], { stdio: ['ignore', 'inherit', 'inherit'] });
  }

  it('at any write of a claim leaves one that the next try finishes', async () => {
    const server = await serve(1);
    const points = [1, 2, 3].flatMap((write) =>
      (['before', 'after'] as const).map((moment) => ({ write, moment })),
    );
    for (const { write, moment } of points) {
      await readyAre(cluster, 1);
      const taskId = `task-${moment}-${write}`;
      const [, signal] = await once(doom({ taskId, size: 1, write, moment }), 'exit');
      expect([taskId, signal]).toEqual([taskId, 'SIGKILL']);
      const { name = '' } = (await take(server, taskId)) ?? {};
      const { token, previous } = await tokensOf(cluster, name);
      const statuses = [await statusWith(cluster, name, token), await statusWith(cluster, name, previous)];
      expect([taskId, ...statuses]).toEqual([taskId, 200, 401]);
      const mine = (await anchorsOf(cluster)).claimed.filter(
        ({ metadata }) => metadata?.labels?.['shadow.dev/task'] === taskId,
      );
      expect(mine.map(({ metadata }) => metadata?.name)).toEqual([name]);
      await deleteAnchor(cluster, name);
    }
    await readyAre(cluster, 1);
    await slotsAre(cluster, 1);
  });

  it('in the middle of a claim whose pod then breaks leaves the task another pod with the new token', async () => {
    const server = await serve(1);
    await readyAre(cluster, 1);
    const order = { taskId: 'task-broken', size: 1, write: 2, moment: 'after' } as const;
    await once(doom(order), 'exit');
    const [anchor] = (await anchorsOf(cluster)).claimed;
    const name = anchor?.metadata?.name ?? '';
    const { namespace, core } = cluster;
    const before = await core.readNamespacedPod({ name, namespace });
    await core.deleteNamespacedPod({ name, namespace, gracePeriodSeconds: 0 });
    await until('the server has seen it', () => server.cluster.pods.get(name) === undefined);
    expect(await take(server, 'task-broken')).toEqual({ name });
    const workspace = { name, state: 'claimed', taskId: 'task-broken' } as const;
    const { token, previous } = await tokensOf(cluster, name);
    const pod = workspacePod(
      poolConfig(namespace, 1).workspaces,
      workspace,
      anchor?.metadata?.uid ?? '',
      token,
    );
    await server.cluster.api.pods.ensure(pod);
    await until('another pod is ready', async () => {
      const { metadata, status } = await core.readNamespacedPod({ name, namespace });
      const isReady = status?.containerStatuses?.[0]?.ready === true;
      return isReady && metadata?.uid !== before.metadata?.uid;
    });
    expect([await statusWith(cluster, name, token), await statusWith(cluster, name, previous)]).toEqual([
      200, 401,
    ]);
    expect(await take(server, 'task-broken')).toEqual({ name });
  });

  it('at any write of a refill leaves a pool that another one completes', async () => {
    const watch = resources.use(await watchPool(cluster));
    for (const write of [1, 2, 3, 4, 5, 6]) {
      const [, signal] = await once(doom({ size: 1, write, moment: 'after' }), 'exit');
      expect([write, signal]).toEqual([write, 'SIGKILL']);
      await using server = await openPool(cluster.namespace, 1);
      server.pool.start();
      await readyAre(cluster, 1);
      await slotsAre(cluster, 1);
      const [anchor] = (await anchorsOf(cluster)).warm;
      await deleteAnchor(cluster, anchor?.metadata?.name ?? '');
      await server.pool.close();
    }
    expect(watch.most).toBe(1);
  });
});
