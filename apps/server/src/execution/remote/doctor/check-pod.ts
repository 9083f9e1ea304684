import { ShadowError } from '@shadow/protocol';
import { KubernetesError } from '../kubernetes/kubernetes-error.ts';
import { parseQuantity } from '../workspaces/quantity.ts';
import { workspacePod } from '../workspaces/workspace-objects.ts';
import type { ClusterCheck } from './check.ts';
import { probeName } from './check-namespace.ts';
import type { DoctorParts } from './parts.ts';

/** Asks by a dry run whether a task's pod would be taken: classes, ServiceAccount, quotas, limits and Pod Security have their say. */
export async function checkPod(parts: DoctorParts): Promise<ClusterCheck> {
  const { limits, requests } = parts.config.workspaces;
  for (const kind of ['cpu', 'memory'] as const) {
    if (parseQuantity(requests[kind]) <= parseQuantity(limits[kind])) continue;
    const names = `REMOTE_${kind.toUpperCase()}_REQUEST (${requests[kind]})`;
    return {
      level: 'missing',
      text: `${names} is more than REMOTE_${kind.toUpperCase()}_LIMIT (${limits[kind]})`,
      mend: 'Lower the first or raise the second.',
    };
  }
  const pod = workspacePod(parts.config.workspaces, { name: probeName(), state: 'warm' }, '', '');
  const { ownerReferences: _, ...metadata } = pod.metadata ?? {};
  try {
    await parts.api.pods.create({ ...pod, metadata }, { dryRun: true });
  } catch (error) {
    if (!(error instanceof ShadowError)) throw error;
    return { level: 'missing', text: `a task’s pod is not taken: ${error.message}`, mend: mendOf(error) };
  }
  return await imageCheck(parts);
}

/** A registry is the nodes' affair, so that only a pod that runs proves an image. */
async function imageCheck({ api, config }: DoctorParts): Promise<ClusterCheck> {
  const { image, imagePullPolicy } = config.workspaces;
  const pods = await api.pods.list({ labelSelector: 'app.kubernetes.io/name=shadow-workspace' });
  const statuses = pods.flatMap(({ spec, status }) =>
    spec?.containers[0]?.image === image ? (status?.containerStatuses ?? []) : [],
  );
  const taken = 'a task’s pod is taken';
  const waiting = statuses
    .map(({ state }) => state?.waiting)
    .find((one) => /Image|ErrPull/.test(one?.reason ?? ''));
  if (waiting !== undefined) {
    return {
      level: 'missing',
      text: `${taken}, but image ${image} cannot be had: ${waiting.message ?? waiting.reason ?? ''}`,
      mend: 'Set SIDECAR_IMAGE to an image that the nodes can pull, and REMOTE_IMAGE_PULL_SECRET where its registry wants a login.',
    };
  }
  if (statuses.some(({ imageID }) => imageID !== ''))
    return { level: 'ok', text: `${taken}; image ${image} is in use` };
  const isBare = !image.includes('/');
  return {
    level: isBare ? 'warning' : 'ok',
    text: `${taken}; whether its nodes have or can pull ${image} (${imagePullPolicy}) shows with the first one`,
    ...(isBare
      ? {
          mend: 'The image names no registry: load it into every node, or push it to yours and set SIDECAR_IMAGE.',
        }
      : {}),
  };
}

function mendOf(error: ShadowError): string {
  if (error instanceof KubernetesError && error.reason === 'QuotaExceeded') {
    return 'Raise the namespace’s ResourceQuota, or lower REMOTE_CPU_REQUEST, REMOTE_MEMORY_REQUEST and the limits.';
  }
  return 'Change what it names: REMOTE_SERVICE_ACCOUNT, REMOTE_PRIORITY_CLASS, REMOTE_RUNTIME_CLASS or the REMOTE_ requests and limits.';
}
