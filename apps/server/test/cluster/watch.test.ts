import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../../src/execution/remote/kubernetes/cluster.ts';
import { type ClusterTest, openCluster } from './support/cluster.ts';
import { configMap, OURS, openConnection, PATIENCE_MS } from './support/connection.ts';

const resources = new AsyncDisposableStack();
let test: ClusterTest;
let cluster: Cluster;

beforeAll(async () => {
  test = resources.use(await openCluster());
  ({ cluster } = resources.use(await openConnection(test)));
});
afterAll(() => resources.disposeAsync());

const patiently = () => ({ signal: AbortSignal.timeout(PATIENCE_MS) });

describe('the copy of the cluster’s objects', () => {
  it('knows what was there before, and sees what others make, change and remove', async () => {
    const { core, namespace } = test;
    await core.createNamespacedConfigMap({ namespace, body: configMap('early') });
    await using later = await openConnection(test);
    const { anchors } = later.cluster;
    expect(anchors.get('early')?.metadata?.name).toBe('early');
    expect(anchors.get('early')?.metadata?.managedFields).toBeUndefined();
    const changes: string[] = [];
    anchors.onChange(({ type, object }) => changes.push(`${type} ${object.metadata?.name}`));
    await core.createNamespacedConfigMap({ namespace, body: configMap('seen') });
    await anchors.waitFor('seen', (object) => object, patiently());
    await core.replaceNamespacedConfigMap({ namespace, name: 'seen', body: configMap('seen', { a: 'b' }) });
    await anchors.waitFor('seen', (object) => object?.data?.a, patiently());
    await core.deleteNamespacedConfigMap({ namespace, name: 'seen' });
    await anchors.waitFor('seen', (object) => (object === undefined ? true : undefined), patiently());
    expect(changes).toEqual(['added seen', 'changed seen', 'removed seen']);
    expect(anchors.isLive).toBe(true);
  });

  it('shows a write at once to who wrote, and no deleted object again', async () => {
    const { api, anchors } = cluster;
    await api.configMaps.create(configMap('own'));
    expect(anchors.get('own')).toBeDefined();
    await api.configMaps.patch('own', { data: { a: 'b' } });
    expect(anchors.get('own')?.data).toEqual({ a: 'b' });
    await api.configMaps.delete('own');
    await anchors.waitFor('own', (object) => (object === undefined ? true : undefined), patiently());
    await api.configMaps.create(configMap('own', { c: 'd' }));
    expect(anchors.get('own')?.data).toEqual({ c: 'd' });
  });

  it('leaves out what belongs to others', async () => {
    const labels = { ...OURS, 'app.kubernetes.io/instance': 'another' };
    await cluster.api.configMaps.create({ metadata: { name: 'foreign', labels } });
    await cluster.api.configMaps.create(configMap('after-foreign'));
    await cluster.anchors.waitFor('after-foreign', (object) => object, patiently());
    expect(cluster.anchors.get('foreign')).toBeUndefined();
  });

  it('ends a wait with its signal, with what its judge throws, and with the connection', async () => {
    const { anchors } = cluster;
    const never = () => undefined;
    await expect(anchors.waitFor('none', never, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    const judge = () => {
      throw new RangeError('judged');
    };
    await expect(anchors.waitFor('none', judge, patiently())).rejects.toThrow('judged');
    const other = await openConnection(test);
    const waiting = other.cluster.anchors.waitFor('none', never, patiently());
    const refused = expect(waiting).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await other.cluster.close();
    await refused;
  });

  it('tells what the cluster says about a pod, first and later', async () => {
    const { object } = await cluster.api.pods.ensure({
      metadata: { name: 'unschedulable', labels: OURS },
      spec: {
        containers: [{ name: 'c', image: 'x', resources: { requests: { cpu: '1000' } } }],
      },
    });
    for await (const event of cluster.podEvents(object.metadata?.uid ?? '', patiently())) {
      expect(event).toMatchObject({
        type: 'Warning',
        reason: 'FailedScheduling',
        source: 'default-scheduler',
      });
      expect(event.message).toContain('Insufficient cpu');
      break;
    }
    await cluster.api.pods.delete('unschedulable', { graceSeconds: 0 });
  });
});
