import { type RequestOptions, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import type { Route } from '../kubernetes/cluster.ts';

/**
 * Milliseconds before asking again. A sidecar lets callers wait from early on, so that nothing is lost by a pause; each question
 * over the API server costs a node that is busy with the start some 20 ms.
 */
const FIRST_PAUSE_MS = 40;
const LAST_PAUSE_MS = 500;
const GROWTH = 1.2;
/** Milliseconds that a container which has just begun needs until anybody can listen in it. */
const HEAD_START_MS = 100;
/** Milliseconds that one answer may take. */
const ANSWER_MS = 5000;

/**
 * Whether there is anybody to ask: its container runs. The kubelet tells so up to a second and a half late, and with it the
 * pod's address. Its event of the start is earlier, and enough for a port-forward, which needs no address.
 *
 * @param hasStarted whether the kubelet has said that it started the pod's container
 */
export function mayAnswer({ metadata, spec, status }: V1Pod, hasStarted: boolean): boolean {
  if (metadata?.deletionTimestamp !== undefined) return false;
  const { state, lastState } = status?.containerStatuses?.[0] ?? {};
  if (state?.running !== undefined) return true;
  const isFirst = state?.terminated === undefined && lastState?.terminated === undefined;
  return hasStarted && isFirst && spec?.nodeName !== undefined;
}

/** Whether the kubelet has not told yet that a pod's container runs: whoever asks its sidecar knows of the start alone. */
export function hasJustStarted({ status }: V1Pod): boolean {
  return status?.containerStatuses?.[0]?.state?.running === undefined;
}

/** Which start of a pod's container it is; the kubelet tells the container's own name late. */
export function runOf({ metadata, status }: V1Pod): string {
  return `${metadata?.uid} ${status?.containerStatuses?.[0]?.restartCount ?? 0}`;
}

/**
 * Resolves when a sidecar says itself that it is ready. The kubelet asks only once a second and tells of it later still, which
 * together is longer than the sidecar needs to start.
 *
 * @param isNew whether its container has just begun
 * @param signal ends the asking
 * @throws whatever ended it
 */
export async function sidecarAnswers(
  route: Route,
  { healthPath, isNew }: { healthPath: string; isNew: boolean },
  signal: AbortSignal,
): Promise<void> {
  if (isNew) await delay(HEAD_START_MS, undefined, { signal });
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * GROWTH, LAST_PAUSE_MS)) {
    if (await isReady(route, `${healthPath}/ready`, signal)) return;
    await delay(pauseMs, undefined, { signal });
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
