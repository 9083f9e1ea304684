import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../../src/execution/remote/kubernetes/cluster.ts';
import { type ClusterTest, openCluster } from './support/cluster.ts';
import { type ConnectionUnderTest, configMap, openConnection } from './support/connection.ts';

const resources = new AsyncDisposableStack();
let test: ClusterTest;
let connection: ConnectionUnderTest;
let cluster: Cluster;

beforeAll(async () => {
  test = resources.use(await openCluster());
  connection = resources.use(await openConnection(test));
  cluster = connection.cluster;
});
afterAll(() => resources.disposeAsync());

describe('calls of the API', () => {
  it('tells an object that was there from one that it made', async () => {
    const { configMaps } = cluster.api;
    const first = await configMaps.ensure(configMap('ensured', { by: 'one' }));
    const second = await configMaps.ensure(configMap('ensured', { by: 'two' }));
    expect([first.created, second.created]).toEqual([true, false]);
    expect(second.object.data).toEqual({ by: 'one' });
    await expect(configMaps.create(configMap('ensured'))).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      reason: 'AlreadyExists',
    });
  });

  it('makes nothing in a dry run', async () => {
    await cluster.api.configMaps.create(configMap('dry'), { dryRun: true });
    expect(await cluster.api.configMaps.get('dry')).toBeUndefined();
    expect(cluster.anchors.get('dry')).toBeUndefined();
  });

  it('changes an object only if nobody did in between, where that is asked for', async () => {
    const { configMaps } = cluster.api;
    const { object } = await configMaps.ensure(configMap('patched'));
    const resourceVersion = object.metadata?.resourceVersion ?? '';
    const claim = (by: string) =>
      configMaps.patch('patched', { metadata: { resourceVersion, labels: { by } } }).then(() => by);
    const outcomes = await Promise.allSettled(['one', 'two', 'three', 'four'].map(claim));
    const won = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(won).toHaveLength(1);
    expect((await configMaps.get('patched'))?.metadata?.labels?.by).toBe(won[0]);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({ reason: 'Conflict', apiStatus: 409 });
    }
    await expect(configMaps.patch('nobody', {})).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('deletes once, and only the object that is meant', async () => {
    const { configMaps } = cluster.api;
    const { object } = await configMaps.ensure(configMap('deleted'));
    const { uid = '', resourceVersion = '' } = object.metadata ?? {};
    expect(await configMaps.delete('deleted', { uid: '00000000-0000-0000-0000-000000000000' })).toBe(false);
    await configMaps.patch('deleted', { metadata: { labels: { changed: 'yes' } } });
    await expect(configMaps.delete('deleted', { uid, resourceVersion })).rejects.toMatchObject({
      reason: 'Conflict',
    });
    expect(await configMaps.delete('deleted', { uid })).toBe(true);
    expect(await configMaps.delete('deleted', { uid })).toBe(false);
  });

  it('lists more than one page', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `listed-${index}`);
    await Promise.all(
      names.map((name) => cluster.api.secrets.ensure({ metadata: { name, labels: { batch: 'listed' } } })),
    );
    const found = await cluster.api.secrets.list({ labelSelector: 'batch=listed' });
    expect(found.map(({ metadata }) => metadata?.name).sort()).toEqual(names.sort());
    expect(found[0]).toMatchObject({ kind: 'Secret', metadata: { creationTimestamp: expect.any(Date) } });
  });

  it('tells a quota from a permission', async () => {
    const { namespace, core } = test;
    const hard = { 'count/services': '0' };
    await core.createNamespacedResourceQuota({
      namespace,
      body: { metadata: { name: 'none' }, spec: { hard } },
    });
    const make = () =>
      cluster.api.services.create({ metadata: { name: 'over' }, spec: { ports: [{ port: 1 }] } });
    // The quota holds once its controller has counted.
    let error: unknown;
    while (error === undefined) {
      error = await make().then(
        async () => void (await cluster.api.services.delete('over')),
        (reason: unknown) => reason,
      );
    }
    expect(error).toMatchObject({ code: 'RESOURCE_LIMIT', reason: 'QuotaExceeded', apiStatus: 403 });
    expect(String(error)).toContain('exceeded quota: none');
    await core.deleteNamespacedResourceQuota({ namespace, name: 'none' });
  });

  it('says what is wrong with an object in the words of the API server', async () => {
    await expect(cluster.api.configMaps.create(configMap('Not_A_Name'))).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      reason: 'Invalid',
      message: expect.stringContaining('metadata.name'),
    });
  });

  it('ends with the caller’s signal', async () => {
    await expect(cluster.api.pods.list({}, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });

  it('counts what it writes', async () => {
    const before = await created();
    await cluster.api.configMaps.create(configMap('counted'));
    expect(await created()).toBe(before + 1);
  });
});

async function created(): Promise<number> {
  const metric = await connection.registry.getSingleMetric('shadow_kubernetes_requests_total')?.get();
  const { value } = metric?.values.find(
    ({ labels }) => labels.verb === 'create' && labels.resource === 'configmaps' && labels.status === '201',
  ) ?? { value: 0 };
  return value;
}
