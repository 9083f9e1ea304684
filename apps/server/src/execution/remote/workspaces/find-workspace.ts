import type { V1ConfigMap } from '@kubernetes/client-node';
import { ShadowError } from '@shadow/protocol';
import type { Cluster } from '../kubernetes/cluster.ts';
import { LABEL, taskSelector } from './labels.ts';
import { type Workspace, workspaceOf } from './workspace-state.ts';

/** Asks the cluster itself for a task's workspace: what another server did a moment ago is in the answer. */
export async function findWorkspace(
  cluster: Cluster,
  instance: string,
  taskId: string,
  signal: AbortSignal | undefined,
): Promise<Workspace | undefined> {
  const labelSelector = taskSelector(instance, taskId);
  return pick(await cluster.api.configMaps.list({ labelSelector }, { signal }));
}

/** A task's workspace as the watch knows it. */
export async function knownWorkspace(cluster: Cluster, taskId: string): Promise<Workspace | undefined> {
  await cluster.anchors.synced();
  return pick(cluster.anchors.list().filter(({ metadata }) => metadata?.labels?.[LABEL.task] === taskId));
}

/** The task's own; one that is going is none. Of several, the one with the repository, then the oldest. */
function pick(anchors: readonly V1ConfigMap[]): Workspace | undefined {
  const oldestFirst = anchors.toSorted((one, other) => createdAt(one) - createdAt(other)).map(workspaceOf);
  const here = oldestFirst.filter(({ isGoing }) => !isGoing);
  return here.find(({ podUid }) => podUid !== undefined) ?? here[0];
}

function createdAt({ metadata }: V1ConfigMap): number {
  return new Date(metadata?.creationTimestamp ?? 0).getTime();
}

/** Of the workspace that a task gets when none is taken from the pool. @throws ShadowError for what is no task's id */
export function coldName(taskId: string): string {
  // Ids are made by the server; this keeps a wrong one from becoming another name.
  if (/^[a-z0-9]([a-z0-9-]{0,54}[a-z0-9])?$/.test(taskId)) return `shadow-${taskId}`;
  throw new ShadowError('TASK_NOT_FOUND', 'This is not a task id.');
}
