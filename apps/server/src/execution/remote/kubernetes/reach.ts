import type { V1Pod } from '@kubernetes/client-node';
import type { ClusterConfig } from '../../../config/remote-config.ts';
import type { ObjectWatch, ReachTarget, Route } from './cluster.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { KubernetesError } from './kubernetes-error.ts';
import { PortForwardAgent } from './port-forward.ts';
import { type Addresses, ServiceAgent } from './service-agent.ts';

/** Milliseconds after which every node's proxy knows of a pod; many times what it takes on a busy node. */
const PROXY_LAG_MS = 30_000;

/** By which way pods are reached: Services where they can be had, which is inside the cluster. */
export function wayOf(access: ClusterAccess, config: ClusterConfig): Route['kind'] {
  if (config.reach !== 'auto') return config.reach;
  return access.isInside || config.inCluster !== null ? 'service' : 'port-forward';
}

/** Makes ways to pods. */
export class Reach {
  /** By which way pods are reached. */
  readonly kind: Route['kind'];
  readonly #access: ClusterAccess;
  readonly #namespace: string;
  readonly #pods: ObjectWatch<V1Pod>;
  readonly #routes = new Set<Route>();

  constructor(access: ClusterAccess, config: ClusterConfig, pods: ObjectWatch<V1Pod>) {
    this.kind = wayOf(access, config);
    this.#access = access;
    this.#namespace = config.namespace;
    this.#pods = pods;
  }

  /** @throws KubernetesError when the target has no address for that way */
  to(target: ReachTarget): Route {
    const route = this.kind === 'service' ? this.#serviceRoute(target) : this.#forwardRoute(target);
    const kept: Route = {
      ...route,
      close: () => {
        this.#routes.delete(kept);
        route.close();
      },
    };
    this.#routes.add(kept);
    return kept;
  }

  close(): void {
    for (const route of [...this.#routes]) route.close();
  }

  #serviceRoute(target: ReachTarget): Route {
    const { workspace, podName, podUid, clusterIP, port } = target;
    const hasService = Boolean(clusterIP) && clusterIP !== 'None';
    if (!hasService && podUid === undefined) {
      throw new KubernetesError('Unreachable', 0, `The Service of workspace ${workspace} has no address.`);
    }
    const service = hasService ? clusterIP : undefined;
    const forward = this.#forwardRoute(target);
    const agent = new ServiceAgent(
      port,
      () => addresses(service, podUid, this.#pods.get(podName)),
      () => forward.agent.connect(),
    );
    const stop = this.#pods.onChange(({ object }) => {
      if (object.metadata?.name === podName) agent.leaveForwards();
    });
    return {
      kind: 'service',
      baseUrl: service === undefined ? forward.baseUrl : `http://${hostOf(service)}:${port}`,
      agent,
      close() {
        stop();
        agent.destroy();
        forward.close();
      },
    };
  }

  #forwardRoute({ podName, port }: ReachTarget): Route & { agent: PortForwardAgent } {
    const agent = new PortForwardAgent(this.#access, { namespace: this.#namespace, podName, port });
    const stop = this.#pods.onChange(({ type, object }) => {
      if (object.metadata?.name !== podName) return;
      // The kubelet may leave a port-forward hanging whose pod it took away.
      if (type === 'removed' || isOver(object)) agent.cut();
    });
    return {
      kind: 'port-forward',
      // Names the sidecar as it sees itself; the agent takes nothing of it but the path.
      baseUrl: `http://127.0.0.1:${port}`,
      agent,
      close() {
        stop();
        agent.destroy();
      },
    };
  }
}

function hostOf(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/**
 * kube-proxy learns of a ready pod after everybody else. On the test cluster a Service refused connections for 60 to 1200 ms
 * after the pod was seen to be ready, while the pod itself answered at once; and between the two tables that kube-proxy then
 * changes, a connection to the Service leaves the node for whatever answers there. So a pod that became ready just now is
 * spoken to directly, and its Service comes second; later it is the other way round. Of a container that started just now the
 * kubelet tells no address for up to a second and a half: then there is none, and its Service has none either.
 */
function addresses(
  clusterIP: string | undefined,
  podUid: string | undefined,
  pod: V1Pod | undefined,
): Addresses {
  const service: Addresses = clusterIP === undefined ? [] : [clusterIP];
  // The address of a pod that is gone may be another's by now.
  if (podUid === undefined || pod?.metadata?.uid !== podUid) return service;
  const { podIP } = pod.status ?? {};
  if (podIP === undefined) return [];
  const ready = pod.status?.conditions?.find(({ type, status }) => type === 'Ready' && status === 'True');
  // A Service leads nowhere before the kubelet has said so, and a call to it then hangs.
  if (ready === undefined || clusterIP === undefined) return [podIP];
  const readyMs = Date.now() - (ready.lastTransitionTime?.getTime() ?? 0);
  return readyMs < PROXY_LAG_MS ? [podIP, clusterIP] : [clusterIP, podIP];
}

function isOver({ status }: V1Pod): boolean {
  return status?.phase === 'Failed' || status?.phase === 'Succeeded';
}
