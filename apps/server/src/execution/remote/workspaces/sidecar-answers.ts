import { type RequestOptions, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import type { Cluster, Route } from '../kubernetes/cluster.ts';
import type { WorkspaceSettings } from './workspace-settings.ts';

/** Milliseconds before asking again; each pause is longer than the one before. */
const FIRST_PAUSE_MS = 20;
const LAST_PAUSE_MS = 500;
const GROWTH = 1.3;
/** Milliseconds that one answer may take. */
const ANSWER_MS = 5000;

/**
 * Whether there is anybody to ask: its container runs, and its address is known. The kubelet tells both up to a second late;
 * a port-forward needs no address, so that the kubelet's event of the start is enough for one.
 *
 * @param hasStarted whether the kubelet has said that it started the pod's container
 */
export function mayAnswer({ way }: Cluster, { metadata, spec, status }: V1Pod, hasStarted: boolean): boolean {
  if (metadata?.deletionTimestamp !== undefined) return false;
  const { state, lastState } = status?.containerStatuses?.[0] ?? {};
  if (state?.running !== undefined && status?.podIP !== undefined) return true;
  const isFirst = state?.terminated === undefined && lastState?.terminated === undefined;
  return way === 'port-forward' && hasStarted && isFirst && spec?.nodeName !== undefined;
}

/**
 * Resolves when a pod's sidecar says itself that it is ready. The kubelet asks only once a second and tells of it later
 * still, which together is longer than the sidecar needs to start.
 *
 * @param pod of a workspace, that may answer
 * @param signal ends the asking
 * @throws whatever ended it
 */
export async function sidecarAnswers(
  cluster: Cluster,
  { port, healthPath }: Pick<WorkspaceSettings, 'port' | 'healthPath'>,
  pod: V1Pod,
  signal: AbortSignal,
): Promise<void> {
  const name = pod.metadata?.name ?? '';
  const podIP = pod.status?.podIP;
  // By its own address alone: the proxies of its Service may not know it yet, and a call to them then hangs.
  const route = cluster.reach({ workspace: name, podName: name, podIP, clusterIP: podIP, port });
  try {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * GROWTH, LAST_PAUSE_MS)) {
      if (await isReady(route, `${healthPath}/ready`, signal)) return;
      await delay(pauseMs, undefined, { signal });
    }
  } finally {
    route.close();
  }
}

function isReady({ baseUrl, agent }: Route, path: string, signal: AbortSignal): Promise<boolean> {
  const options: RequestOptions = {
    agent,
    signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
  };
  return new Promise((resolve) => {
    request(`${baseUrl}${path}`, options, (response) => {
      response.resume().on('error', () => resolve(false));
      resolve(response.statusCode === 200);
    })
      .on('error', () => resolve(false))
      .end();
  });
}
