import type { KubernetesObject } from '@kubernetes/client-node';
import type { ClusterTest } from './cluster.ts';

/** An object of a workspace, by what tells it from another of the same name. */
export interface Found {
  name: string;
  uid: string;
  isTerminating: boolean;
}

/** What a workspace, or several, consist of. */
export interface WorkspaceObjects {
  anchors: Found[];
  pods: Found[];
  services: Found[];
  secrets: Found[];
}

const MANAGED = 'app.kubernetes.io/managed-by=shadow,shadow.dev/workspace';

/** Everything that makes up workspaces in the namespace of a test. */
export async function allObjects({ core, namespace }: ClusterTest): Promise<WorkspaceObjects> {
  const query = { namespace, labelSelector: MANAGED };
  const [anchors, pods, services, secrets] = await Promise.all([
    core.listNamespacedConfigMap(query),
    core.listNamespacedPod(query),
    core.listNamespacedService(query),
    core.listNamespacedSecret(query),
  ]);
  return {
    anchors: anchors.items.map(found),
    pods: pods.items.map(found),
    services: services.items.map(found),
    secrets: secrets.items.map(found),
  };
}

/** What belongs to one task; its anchor says so. */
export async function objectsOfTask(cluster: ClusterTest, taskId: string): Promise<WorkspaceObjects> {
  const { core, namespace } = cluster;
  const labelSelector = `shadow.dev/task=${taskId}`;
  const { items } = await core.listNamespacedConfigMap({ namespace, labelSelector });
  const owners = new Set(items.map((anchor) => anchor.metadata?.name));
  const all = await allObjects(cluster);
  const own = (objects: Found[]) => objects.filter(({ name }) => owners.has(name));
  return {
    anchors: own(all.anchors),
    pods: own(all.pods),
    services: own(all.services),
    secrets: own(all.secrets),
  };
}

/** Deletes the pod of a task, as a drained node or a person with kubectl would. */
export async function deletePod(cluster: ClusterTest, taskId: string): Promise<void> {
  const { core, namespace } = cluster;
  const { pods } = await objectsOfTask(cluster, taskId);
  for (const { name } of pods) await core.deleteNamespacedPod({ name, namespace, gracePeriodSeconds: 0 });
}

function found({ metadata }: KubernetesObject): Found {
  const { name = '', uid = '', deletionTimestamp } = metadata ?? {};
  return { name, uid, isTerminating: deletionTimestamp !== undefined };
}
