import type { V1ConfigMap } from '@kubernetes/client-node';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../../src/config.ts';
import { KINDS } from '../../../../src/execution/remote/kubernetes/api.ts';
import { ClusterWatch } from '../../../../src/execution/remote/kubernetes/cluster-watch.ts';
import { findCluster } from '../../../../src/execution/remote/kubernetes/find-cluster.ts';
import { ApiTransport } from '../../../../src/execution/remote/kubernetes/transport.ts';
import { temporaryDirectory } from '../../../support/git-repository.ts';
import { until } from '../../../support/until.ts';
import { makeAuthority } from './support/authority.ts';
import { type Refusal, WatchServer } from './support/watch-server.ts';

const PATIENCE_MS = 60_000;
const patiently = () => ({ signal: AbortSignal.timeout(PATIENCE_MS) });

let resources: AsyncDisposableStack;
let server: WatchServer;
let watch: ClusterWatch<V1ConfigMap>;
let changes: string[];

beforeEach(async () => {
  resources = new AsyncDisposableStack();
  const directory = resources.use(await temporaryDirectory()).path;
  const authority = await makeAuthority(directory, 'cluster');
  server = resources.use(await WatchServer.start(authority));
  for (const name of ['kept', 'changed', 'removed', 'replaced']) server.put(name, 'before');
  const { cluster } = loadConfig({
    KUBERNETES_API_URL: server.url,
    KUBERNETES_CA_FILE: authority.caFile,
    K8S_SERVICE_ACCOUNT_TOKEN: 'token',
  }).remote;
  const transport = new ApiTransport(await findCluster(cluster));
  watch = new ClusterWatch({
    transport,
    namespace: 'shadow',
    kind: KINDS.configMap,
    labelSelector: 'app.kubernetes.io/managed-by=shadow',
    log: pino({ level: 'silent' }),
  });
  resources.defer(async () => {
    transport.close();
    await watch.close();
  });
  changes = [];
  watch.onChange(({ type, object }) =>
    changes.push(`${type} ${object.metadata?.name} ${object.data?.value}`),
  );
  await watch.start();
  await until('it watches', () => server.watches === 1);
  changes = [];
});
afterEach(() => resources.disposeAsync());

const contentOf = (object: V1ConfigMap | undefined) => object?.data?.value;

describe.each<Refusal>(['event', 'status'])(
  'a watch whose past is forgotten there, told by %s',
  (refusal) => {
    it('lists again and misses nothing that happened meanwhile', async () => {
      server.put('seen', 'while it watched');
      await watch.waitFor('seen', (object) => object, patiently());
      server.hold();
      server.put('changed', 'after');
      server.put('added', 'after');
      server.remove('removed');
      server.remove('replaced');
      server.put('replaced', 'another');
      const waiting = watch.waitFor('added', contentOf, patiently());
      server.compact(refusal);
      expect(await waiting).toBe('after');
      expect(changes.toSorted()).toEqual(
        [
          'added seen while it watched',
          'changed changed after',
          'added added after',
          'removed removed before',
          'removed replaced before',
          'added replaced another',
        ].toSorted(),
      );
      expect(server.lists).toBe(2);
      expect(watch.list().map(({ metadata }) => metadata?.name)).toHaveLength(5);
    });

    it('goes on watching from there', async () => {
      server.hold();
      server.put('changed', 'after');
      server.compact(refusal);
      await watch.waitFor('changed', (object) => contentOf(object) === 'after' || undefined, patiently());
      await until('it watches again', () => server.watches === 1);
      server.put('later', 'live');
      expect(await watch.waitFor('later', contentOf, patiently())).toBe('live');
      server.remove('kept');
      await watch.waitFor('kept', (object) => (object === undefined ? true : undefined), patiently());
      expect(server.lists).toBe(2);
      expect(watch.isLive).toBe(true);
    });
  },
);
