import type { V1ConfigMap, V1Pod } from '@kubernetes/client-node';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { loadConfig } from '../../../src/config.ts';
import type { Cluster } from '../../../src/execution/remote/kubernetes/cluster.ts';
import { connectCluster } from '../../../src/execution/remote/kubernetes/connect.ts';
import { type ClusterTest, IMAGE } from './cluster.ts';

/** A connection as the server has one. */
export interface ConnectionUnderTest extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly registry: Registry;
}

/** Connects to the namespace of a test, with further settings. */
export async function openConnection(
  { namespace }: ClusterTest,
  environment: Record<string, string> = {},
): Promise<ConnectionUnderTest> {
  const registry = new Registry();
  const { KUBECONFIG = '' } = process.env;
  const { remote } = loadConfig({ KUBECONFIG, KUBERNETES_NAMESPACE: namespace, ...environment });
  const cluster = await connectCluster(remote, pino({ level: 'silent' }), { registry });
  return { cluster, registry, [Symbol.asyncDispose]: () => cluster.close() };
}

/** Labels by which the connection's watches see an object. */
export const OURS = {
  'app.kubernetes.io/managed-by': 'shadow',
  'app.kubernetes.io/instance': 'shadow',
} as const;

/** An anchor of the name. */
export function configMap(name: string, data: Record<string, string> = {}): V1ConfigMap {
  return { metadata: { name, labels: OURS }, data };
}

/** A pod whose container runs a Node script and is ready once it listens on port 8080. */
export function nodePod(name: string, script: string): V1Pod {
  return {
    metadata: { name, labels: { ...OURS, 'shadow.dev/workspace': name } },
    spec: {
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'server',
          image: IMAGE,
          imagePullPolicy: 'IfNotPresent',
          command: ['node', '-e', script],
          resources: { requests: { cpu: '10m', memory: '32Mi' } },
          readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
        },
      ],
    },
  };
}

/** Milliseconds for anything that a busy machine may take its time for. */
export const PATIENCE_MS = 120_000;

/** Waits until a pod is ready. */
export async function readyPod(cluster: Cluster, name: string): Promise<V1Pod> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const isReady = (pod: V1Pod | undefined) =>
    pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
  return await cluster.pods.waitFor(name, (pod) => (isReady(pod) ? pod : undefined), { signal });
}
