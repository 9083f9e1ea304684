import { parseQuantity } from '../workspaces/quantity.ts';
import type { ClusterCheck } from './check.ts';
import type { DoctorParts } from './parts.ts';

/** How many more tasks the namespace's quotas let in. */
export async function checkQuota({ api, config }: DoctorParts): Promise<ClusterCheck> {
  const { limits, requests, storage } = config.workspaces;
  const isPersistent = storage.kind === 'pvc';
  const needs: Readonly<Record<string, string>> = {
    pods: '1',
    services: '1',
    secrets: '1',
    configmaps: '1',
    'count/pods': '1',
    'requests.cpu': requests.cpu,
    cpu: requests.cpu,
    'limits.cpu': limits.cpu,
    'requests.memory': requests.memory,
    memory: requests.memory,
    'limits.memory': limits.memory,
    ...(isPersistent ? { persistentvolumeclaims: '1', 'requests.storage': storage.size } : {}),
  };
  const rooms = (await api.resourceQuotas()).flatMap(({ metadata, status }) =>
    Object.entries(status?.hard ?? {}).flatMap(([what, hard]) => {
      const need = needs[what];
      if (need === undefined) return [];
      const free = parseQuantity(hard) - parseQuantity(status?.used?.[what] ?? '0');
      const quota = `${what} of ${metadata?.name ?? ''} (${status?.used?.[what] ?? '0'} of ${hard} used)`;
      return [{ quota, tasks: Math.floor(free / parseQuantity(need)) }];
    }),
  );
  const tightest = rooms.sort((one, other) => one.tasks - other.tasks)[0];
  if (tightest === undefined) return { level: 'ok', text: 'quota: none that bounds tasks' };
  if (tightest.tasks > 0) {
    return { level: 'ok', text: `quota: room for ${tightest.tasks} more tasks, by ${tightest.quota}` };
  }
  return {
    level: 'missing',
    text: `quota: no room for another task, by ${tightest.quota}`,
    mend: 'Raise the ResourceQuota, lower the REMOTE_ requests and limits, or remove tasks.',
  };
}
