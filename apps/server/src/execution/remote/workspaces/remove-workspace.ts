import { setTimeout as delay } from 'node:timers/promises';
import { ShadowError } from '@shadow/protocol';
import type { Cluster } from '../kubernetes/cluster.ts';
import { LABEL, taskSelector } from './labels.ts';

/** How long to wait for pods to go, and who hears of it. */
export interface RemovalOptions {
  signal?: AbortSignal | undefined;
  log?: ((line: string) => void) | undefined;
  timeoutMs: number;
}

/**
 * CLEANUP_POD: removes whatever a task has in the cluster and waits until its pods are gone. Deleting the anchor is all
 * that is asked for: the garbage collector takes what it owns. In the background, because the owned objects do not block their
 * owner's deletion: a foreground deletion would wait for none of them, and would keep the name taken while the collector
 * is away.
 * @throws ShadowError UNAVAILABLE when pods do not go away in time
 */
export async function removeWorkspace(
  cluster: Cluster,
  instance: string,
  taskId: string,
  { signal, log, timeoutMs }: RemovalOptions,
): Promise<void> {
  const { api } = cluster;
  const labelSelector = taskSelector(instance, taskId);
  const limited = either(signal, timeoutMs);
  const anchors = await api.configMaps.list({ labelSelector }, { signal: limited });
  const names = new Set(anchors.flatMap(({ metadata }) => metadata?.name ?? []));
  for (const { metadata = {} } of anchors) {
    const { name = '', uid } = metadata;
    await api.configMaps.delete(name, {
      signal: limited,
      propagation: 'Background',
      ...(uid === undefined ? {} : { uid }),
    });
  }
  // A pod that was taken from the pool may carry the task's label on its anchor alone.
  const pods = await api.pods.list({ labelSelector }, { signal: limited });
  for (const { metadata } of pods) names.add(metadata?.name ?? '');
  for (const { metadata } of cluster.pods.list()) {
    const workspace = metadata?.labels?.[LABEL.workspace];
    if (workspace !== undefined && names.has(workspace)) names.add(metadata?.name ?? '');
  }
  for (const name of names) {
    log?.(`Waiting for the pod ${name} to go.`);
    await podGone(cluster, name, signal, limited);
  }
}

/** Deletes a workspace's pod alone and waits until it is gone. @param options with `uid`, that very pod and no later one */
export async function removePod(
  cluster: Cluster,
  name: string,
  { signal, timeoutMs, uid }: RemovalOptions & { uid?: string },
): Promise<void> {
  const limited = either(signal, timeoutMs);
  await cluster.api.pods.delete(name, { signal: limited, ...(uid === undefined ? {} : { uid }) });
  await podGone(cluster, name, signal, limited);
}

async function podGone(
  cluster: Cluster,
  name: string,
  signal: AbortSignal | undefined,
  limited: AbortSignal,
): Promise<void> {
  try {
    await cluster.pods.waitFor(name, (pod) => (pod === undefined ? true : undefined), { signal: limited });
    // The watch may not have seen yet what was made a moment ago.
    while ((await cluster.api.pods.get(name, { signal: limited })) !== undefined) {
      await delay(200, undefined, { signal: limited });
    }
  } catch (error) {
    if (!limited.aborted || signal?.aborted === true) throw error;
    throw new ShadowError(
      'UNAVAILABLE',
      `The pod ${name} is not gone yet: its node may not answer. Try again, or remove it with kubectl delete pod --force.`,
      { cause: error },
    );
  }
}

function either(signal: AbortSignal | undefined, timeoutMs: number): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}
