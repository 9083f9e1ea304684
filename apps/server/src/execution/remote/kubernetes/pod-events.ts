import { setTimeout as delay } from 'node:timers/promises';
import type { CoreV1Event } from '@kubernetes/client-node';
import type { PodEvent } from './cluster.ts';
import { KubernetesError } from './kubernetes-error.ts';
import { type Kind, listAll, parseObject, pathOf } from './resource-client.ts';
import type { ApiTransport } from './transport.ts';
import { watchStream } from './watch-stream.ts';

const EVENTS: Kind = { apiVersion: 'v1', kind: 'Event', plural: 'events', model: 'CoreV1Event' };
/** Milliseconds before a broken watch of a pod's events is made anew. */
const PAUSE_MS = 1000;

/**
 * Events about one pod: those that there are, then each as it comes, over a connection of their own for as long as they are read.
 * @throws KubernetesError when they may not be read
 */
export async function* podEvents(
  transport: ApiTransport,
  namespace: string,
  uid: string,
  signal: AbortSignal,
): AsyncGenerator<PodEvent, void, undefined> {
  const path = pathOf(EVENTS, namespace);
  const fieldSelector = `involvedObject.uid=${uid}`;
  /** How often each was told, by its uid: listing again does not tell it twice. */
  const told = new Map<string, number>();
  let resourceVersion = '';
  while (!signal.aborted) {
    try {
      if (resourceVersion === '') {
        const list = await listAll<CoreV1Event>(transport, EVENTS, path, { fieldSelector }, signal);
        resourceVersion = list.resourceVersion;
        yield* untold(told, list.items.sort(byTime));
      }
      const query = { fieldSelector, resourceVersion };
      for await (const event of watchStream(transport, EVENTS, path, query, signal)) {
        resourceVersion = event.resourceVersion;
        if (event.type === 'BOOKMARK' || event.type === 'DELETED') continue;
        yield* untold(told, [parseObject<CoreV1Event>(EVENTS, event.object)]);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof KubernetesError) || error.reason === 'Forbidden') throw error;
      resourceVersion = '';
      await delay(PAUSE_MS, undefined, { signal }).catch(() => {});
    }
  }
}

function* untold(told: Map<string, number>, events: readonly CoreV1Event[]): Generator<PodEvent> {
  for (const event of events) {
    const { uid = '' } = event.metadata;
    const count = event.count ?? event.series?.count ?? 1;
    if ((told.get(uid) ?? 0) >= count) continue;
    told.set(uid, count);
    yield {
      type: event.type === 'Warning' ? 'Warning' : 'Normal',
      reason: event.reason ?? '',
      message: event.message ?? '',
      source: event.source?.component || event.reportingComponent || '',
      count,
      lastSeen: timeOf(event),
    };
  }
}

function byTime(one: CoreV1Event, other: CoreV1Event): number {
  return (timeOf(one)?.getTime() ?? 0) - (timeOf(other)?.getTime() ?? 0);
}

function timeOf(event: CoreV1Event): Date | undefined {
  // Events of the newer API have no lastTimestamp; their own times come unparsed from the client library.
  return event.lastTimestamp ?? event.metadata.creationTimestamp;
}
