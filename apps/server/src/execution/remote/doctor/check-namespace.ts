import { randomBytes } from 'node:crypto';
import { KubernetesError } from '../kubernetes/kubernetes-error.ts';
import type { ClusterCheck } from './check.ts';
import type { DoctorParts } from './parts.ts';

/** A name that nothing has. */
export function probeName(): string {
  return `shadow-doctor-${randomBytes(5).toString('hex')}`;
}

/** Whether anything can be made in the namespace; only asked, by a dry run, since namespaces themselves may be out of sight. */
export async function checkNamespace({ api, config }: DoctorParts): Promise<ClusterCheck> {
  const { namespace } = config.cluster;
  try {
    await api.configMaps.create({ metadata: { name: probeName() } }, { dryRun: true });
    return { level: 'ok', text: `namespace ${namespace} is there` };
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    const isAbsent = error.reason === 'NotFound';
    return {
      level: 'missing',
      text: isAbsent ? `namespace ${namespace} does not exist` : `namespace ${namespace}: ${error.message}`,
      mend: isAbsent
        ? `Make it: "kubectl create namespace ${namespace}" or "kubectl apply -k k8s/overlays/production"; or set KUBERNETES_NAMESPACE.`
        : 'Mend that in the namespace, or set KUBERNETES_NAMESPACE to another.',
    };
  }
}
