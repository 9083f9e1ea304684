import type { V1ConfigMap, V1Pod } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { Counter, type Registry } from 'prom-client';
import type { RemoteConfig } from '../../../config/remote-config.ts';
import { createApi, KINDS } from './api.ts';
import type { Cluster } from './cluster.ts';
import { ClusterWatch } from './cluster-watch.ts';
import { findCluster } from './find-cluster.ts';
import { podEvents } from './pod-events.ts';
import { Reach } from './reach.ts';
import { ApiTransport, type TransportOptions } from './transport.ts';
import { readVersion } from './version.ts';

export interface ConnectOptions {
  /** Where requests are counted. */
  registry?: Registry;
  /** How hard calls are tried. */
  calls?: Omit<TransportOptions, 'requests'>;
}

/** Milliseconds before each further try of the very first call: a pod's network may take a moment at its start. */
const FIRST_DELAYS_MS: readonly number[] = [200, 500, 1000, 2000];

/**
 * Connects to the cluster and reads what there is of this instance's workspaces.
 *
 * @throws KubernetesError that says which server as whom, what is missing and what to do
 */
export async function connectCluster(
  config: RemoteConfig,
  log: Logger,
  options: ConnectOptions = {},
): Promise<Cluster> {
  const { namespace, instance } = config.cluster;
  const access = await findCluster(config.cluster);
  const requests = options.registry === undefined ? undefined : requestCounter(options.registry);
  const transport = new ApiTransport(access, {
    ...options.calls,
    ...(requests === undefined ? {} : { requests }),
  });
  const labelSelector = `app.kubernetes.io/managed-by=shadow,app.kubernetes.io/instance=${instance}`;
  const spec = { transport, namespace, labelSelector, log };
  const pods = new ClusterWatch<V1Pod>({ ...spec, kind: KINDS.pod });
  const anchors = new ClusterWatch<V1ConfigMap>({ ...spec, kind: KINDS.configMap });
  const reach = new Reach(access, config.cluster, pods);
  const close = async () => {
    reach.close();
    transport.close();
    await Promise.all([pods.close(), anchors.close()]);
  };
  try {
    const version = await readVersion(
      new ApiTransport(access, { retryDelaysMs: FIRST_DELAYS_MS, ...options.calls }),
    );
    await Promise.all([pods.start(), anchors.start()]);
    const { server, identity } = access;
    log.info({ server, identity, namespace, version, reach: reach.kind }, 'connected to Kubernetes');
    return {
      server,
      identity,
      namespace,
      version,
      api: createApi(transport, namespace, {
        pod: (pod) => pods.written(pod),
        configMap: (configMap) => anchors.written(configMap),
      }),
      pods,
      anchors,
      podEvents: (uid, { signal }) => podEvents(transport, namespace, uid, signal),
      reach: (target) => reach.to(target),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function requestCounter(registry: Registry): Counter<'verb' | 'resource' | 'status'> {
  return new Counter({
    name: 'shadow_kubernetes_requests_total',
    help: 'Requests sent to the Kubernetes API server; status "none" for those without an answer',
    labelNames: ['verb', 'resource', 'status'],
    registers: [registry],
  });
}
