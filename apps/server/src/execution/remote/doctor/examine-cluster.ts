import type { RemoteConfig } from '../../../config/remote-config.ts';
import { createApi } from '../kubernetes/api.ts';
import { findCluster } from '../kubernetes/find-cluster.ts';
import { ApiTransport } from '../kubernetes/transport.ts';
import { readVersion } from '../kubernetes/version.ts';
import type { ClusterCheck } from './check.ts';
import { checkNamespace } from './check-namespace.ts';
import { checkPermissions } from './check-permissions.ts';
import { checkPod } from './check-pod.ts';
import { checkQuota } from './check-quota.ts';
import { checkReach } from './check-reach.ts';
import { checkStorage } from './check-storage.ts';

/** Nobody waits half a minute for a doctor. */
const CALLS = { timeoutMs: 10_000, retryDelaysMs: [300] };

/** Looks at the configured cluster as remote mode would use it; makes and changes nothing there. */
export async function* examineCluster(config: RemoteConfig): AsyncGenerator<ClusterCheck, void, undefined> {
  const { namespace } = config.cluster;
  try {
    const access = await findCluster(config.cluster);
    const transport = new ApiTransport(access, CALLS);
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(() => transport.close());
    const version = await readVersion(transport);
    yield { level: 'ok', text: `Kubernetes ${version} at ${access.server}, as ${access.identity}` };
    const api = createApi(transport, namespace, { pod() {}, configMap() {} });
    const parts = { api, access, config };
    const permissions = await checkPermissions(parts);
    yield permissions;
    // What may not even be asked cannot be told apart from what is wrong.
    if (permissions.level === 'missing') return;
    const found = await checkNamespace(parts);
    yield found;
    if (found.level === 'missing') return;
    for (const check of [checkPod, checkStorage, checkQuota, checkReach]) yield await settled(check(parts));
  } catch (error) {
    yield {
      level: 'missing',
      text: `Kubernetes: ${wordsOf(error)}`,
      mend: 'Mend that, then run "shadow doctor" again.',
    };
  }
}

async function settled(check: Promise<ClusterCheck>): Promise<ClusterCheck> {
  try {
    return await check;
  } catch (error) {
    return { level: 'warning', text: `Kubernetes: ${wordsOf(error)}` };
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
