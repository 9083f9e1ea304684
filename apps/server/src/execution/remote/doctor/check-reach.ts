import { request } from 'node:http';
import type { V1Pod } from '@kubernetes/client-node';
import { KubernetesError } from '../kubernetes/kubernetes-error.ts';
import { PortForwardAgent } from '../kubernetes/port-forward.ts';
import { wayOf } from '../kubernetes/reach.ts';
import { ServiceAgent } from '../kubernetes/service-agent.ts';
import type { ClusterCheck } from './check.ts';
import { probeName } from './check-namespace.ts';
import type { DoctorParts } from './parts.ts';

/** Milliseconds for one request. */
const TIMEOUT_MS = 10_000;

/** Whether sidecars can be reached: by asking one that runs, where there is one. */
export async function checkReach(parts: DoctorParts): Promise<ClusterCheck> {
  const { api, access, config } = parts;
  const way = wayOf(access, config.cluster);
  const labelSelector = 'app.kubernetes.io/name=shadow-workspace';
  const pod = (await api.pods.list({ labelSelector })).find(isReady);
  const name = pod?.metadata?.name;
  if (name === undefined) return way === 'service' ? untriedService(parts) : await tryForward(parts);
  const agent = way === 'service' ? await serviceAgent(parts, name) : forwardAgent(parts, name);
  try {
    const status = await statusOf(agent, config.workspaces.port, `${config.workspaces.healthPath}/live`);
    return { level: 'ok', text: `reach: pod ${name} answers by ${way} (status ${status})` };
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    return {
      level: 'missing',
      text: `reach: pod ${name} does not answer by ${way}: ${words}`,
      mend: mendOf(way),
    };
  } finally {
    agent.destroy();
  }
}

function untriedService({ access }: DoctorParts): ClusterCheck {
  if (access.isInside)
    return { level: 'ok', text: 'reach: by Services of this cluster (no pod runs to try it)' };
  return {
    level: 'warning',
    text: 'reach: by Services, which are rarely reachable from outside the cluster (no pod runs to try it)',
    mend: mendOf('service'),
  };
}

/** A port-forward to a pod that is not there: the API server must understand the question. */
async function tryForward(parts: DoctorParts): Promise<ClusterCheck> {
  const agent = forwardAgent(parts, probeName());
  try {
    await statusOf(agent, parts.config.workspaces.port, '/');
  } catch (error) {
    if (!(error instanceof KubernetesError) || error.reason !== 'NotFound') {
      const words = error instanceof Error ? error.message : String(error);
      return { level: 'missing', text: `reach: no port-forward: ${words}`, mend: mendOf('port-forward') };
    }
  } finally {
    agent.destroy();
  }
  return { level: 'ok', text: 'reach: by port-forward through the API server' };
}

function forwardAgent({ access, config }: DoctorParts, podName: string): PortForwardAgent {
  return new PortForwardAgent(access, {
    namespace: config.cluster.namespace,
    podName,
    port: config.workspaces.port,
  });
}

async function serviceAgent({ api, config }: DoctorParts, name: string): Promise<ServiceAgent> {
  const address = (await api.services.get(name))?.spec?.clusterIP ?? '';
  return new ServiceAgent(config.workspaces.port, () => [address]);
}

function statusOf(agent: PortForwardAgent | ServiceAgent, port: number, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ agent, host: '127.0.0.1', port, path, timeout: TIMEOUT_MS }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.once('error', reject);
    asked.once('timeout', () => asked.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    asked.end();
  });
}

function mendOf(way: 'service' | 'port-forward'): string {
  return way === 'service'
    ? 'Run the server in the cluster, or set REMOTE_REACH=port-forward.'
    : 'Whatever stands before the API server must let websockets through; inside the cluster, set REMOTE_REACH=service.';
}

function isReady({ status }: V1Pod): boolean {
  return status?.conditions?.some(({ type, status: held }) => type === 'Ready' && held === 'True') ?? false;
}
