import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ClusterTest, openCluster } from '../support/cluster.ts';
import { component } from '../support/component.ts';
import { type ConnectionUnderTest, configMap, openConnection, PATIENCE_MS } from '../support/connection.ts';

/** How long the API server stays away. */
const OUTAGE_MS = 30_000;

const resources = new AsyncDisposableStack();
let test: ClusterTest;
let connection: ConnectionUnderTest;

beforeAll(async () => {
  test = resources.use(await openCluster());
  connection = resources.use(await openConnection(test));
});
afterAll(() => resources.disposeAsync());

it('catches up with what happened once the API server is back, and finishes calls that may be repeated', async () => {
  const { api, anchors } = connection.cluster;
  await api.configMaps.ensure(configMap('kept'));
  await component('apiserver', 'kill');
  // Once only: a second start would leave a wrong pid behind for whoever kills it next.
  await using outage = new AsyncDisposableStack();
  outage.defer(() => component('apiserver', 'start'));
  const ensured = api.configMaps.ensure(configMap('during'));
  const listed = api.configMaps.list();
  const patched = api.configMaps.patch('kept', { metadata: { resourceVersion: '1' } });
  // Never sent, so that it is made once the server is there, where it is refused for being old.
  const conflict = expect(patched).rejects.toMatchObject({ reason: 'Conflict' });
  await delay(OUTAGE_MS);
  expect(anchors.isLive).toBe(false);
  expect(anchors.get('kept')).toBeDefined();
  await outage.disposeAsync();
  expect((await ensured).created).toBe(true);
  expect((await listed).length).toBeGreaterThan(0);
  await conflict;
  const { core, namespace } = test;
  await core.createNamespacedConfigMap({ namespace, body: configMap('after') });
  const signal = AbortSignal.timeout(PATIENCE_MS);
  await anchors.waitFor('after', (object) => object, { signal });
  expect(anchors.isLive).toBe(true);
});
