import type { V1StorageClass } from '@kubernetes/client-node';
import { KubernetesError } from '../kubernetes/kubernetes-error.ts';
import type { ClusterCheck } from './check.ts';
import type { DoctorParts } from './parts.ts';

const IS_DEFAULT = 'storageclass.kubernetes.io/is-default-class';

/** The StorageClass of the tasks' volumes, and the shared cache. */
export async function checkStorage(parts: DoctorParts): Promise<ClusterCheck> {
  const { storage, buildCacheClaim } = parts.config.workspaces;
  if (
    buildCacheClaim !== null &&
    (await parts.api.persistentVolumeClaims.get(buildCacheClaim)) === undefined
  ) {
    return {
      level: 'missing',
      text: `storage: there is no PersistentVolumeClaim ${buildCacheClaim} in namespace ${parts.config.cluster.namespace}`,
      mend: 'Make it, with access mode ReadWriteMany, or unset REMOTE_BUILD_CACHE_CLAIM.',
    };
  }
  if (storage.kind === 'emptyDir') {
    return {
      level: 'ok',
      text: `storage: emptyDir of ${storage.size} on the node; a lost pod loses its files`,
    };
  }
  try {
    return storage.className === null
      ? defaultClass(await parts.api.storageClasses())
      : namedClass(storage.className, await parts.api.storageClass(storage.className));
  } catch (error) {
    if (!(error instanceof KubernetesError) || error.reason !== 'Forbidden') throw error;
    return {
      level: 'ok',
      text: 'storage: pvc; whether its StorageClass exists is out of this identity’s sight',
    };
  }
}

function namedClass(name: string, found: V1StorageClass | undefined): ClusterCheck {
  if (found !== undefined)
    return { level: 'ok', text: `storage: StorageClass ${name} (${found.provisioner})` };
  return {
    level: 'missing',
    text: `storage: there is no StorageClass ${name}`,
    mend: 'Set REMOTE_STORAGE_CLASS to one that "kubectl get storageclass" lists.',
  };
}

function defaultClass(classes: readonly V1StorageClass[]): ClusterCheck {
  const found = classes.find(({ metadata }) => metadata?.annotations?.[IS_DEFAULT] === 'true');
  if (found !== undefined) {
    return { level: 'ok', text: `storage: the default StorageClass, ${found.metadata?.name ?? ''}` };
  }
  return {
    level: 'missing',
    text: 'storage: the cluster has no default StorageClass',
    mend: 'Set REMOTE_STORAGE_CLASS, or REMOTE_STORAGE=emptyDir.',
  };
}
