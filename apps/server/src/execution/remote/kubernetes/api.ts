import type {
  V1ConfigMap,
  V1PersistentVolumeClaim,
  V1Pod,
  V1ResourceQuota,
  V1Secret,
  V1Service,
  V1StorageClass,
} from '@kubernetes/client-node';
import * as z from 'zod';
import type { AccessQuestion, CallOptions, ClusterApi } from './cluster.ts';
import { KubernetesError } from './kubernetes-error.ts';
import { type Kind, listAll, parseObject, pathOf, ResourceClient } from './resource-client.ts';
import type { ApiTransport } from './transport.ts';

const core = (kind: string, plural: string): Kind => ({
  apiVersion: 'v1',
  kind,
  plural,
  model: `V1${kind}`,
});

/** The kinds that are watched. */
export const KINDS = { pod: core('Pod', 'pods'), configMap: core('ConfigMap', 'configmaps') } as const;

const STORAGE_CLASS: Kind = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  model: 'V1StorageClass',
};
const RESOURCE_QUOTA = core('ResourceQuota', 'resourcequotas');
const Review = z.looseObject({ status: z.looseObject({ allowed: z.boolean() }) });

/** The calls of remote mode in one namespace. @param written are told what writes of the watched kinds answer */
export function createApi(
  transport: ApiTransport,
  namespace: string,
  written: { pod(object: V1Pod): void; configMap(object: V1ConfigMap): void },
): ClusterApi {
  return {
    configMaps: new ResourceClient<V1ConfigMap>(transport, namespace, KINDS.configMap, written.configMap),
    pods: new ResourceClient<V1Pod>(transport, namespace, KINDS.pod, written.pod),
    secrets: new ResourceClient<V1Secret>(transport, namespace, core('Secret', 'secrets')),
    services: new ResourceClient<V1Service>(transport, namespace, core('Service', 'services')),
    persistentVolumeClaims: new ResourceClient<V1PersistentVolumeClaim>(
      transport,
      namespace,
      core('PersistentVolumeClaim', 'persistentvolumeclaims'),
    ),
    storageClass: (name, options) => storageClass(transport, name, options),
    storageClasses: async ({ signal } = {}) =>
      (await listAll<V1StorageClass>(transport, STORAGE_CLASS, pathOf(STORAGE_CLASS, undefined), {}, signal))
        .items,
    resourceQuotas: async ({ signal } = {}) =>
      (
        await listAll<V1ResourceQuota>(
          transport,
          RESOURCE_QUOTA,
          pathOf(RESOURCE_QUOTA, namespace),
          {},
          signal,
        )
      ).items,
    mayI: (action, options) => mayI(transport, namespace, action, options),
  };
}

async function storageClass(
  transport: ApiTransport,
  name: string,
  { signal }: CallOptions = {},
): Promise<V1StorageClass | undefined> {
  try {
    const answer = await transport.call({
      method: 'GET',
      path: `${pathOf(STORAGE_CLASS, undefined)}/${encodeURIComponent(name)}`,
      verb: 'get',
      resource: STORAGE_CLASS.plural,
      isRepeatable: true,
      signal,
    });
    return parseObject<V1StorageClass>(STORAGE_CLASS, answer);
  } catch (error) {
    if (error instanceof KubernetesError && error.reason === 'NotFound') return undefined;
    throw error;
  }
}

async function mayI(
  transport: ApiTransport,
  namespace: string,
  { verb, group, resource, isClusterWide = false }: AccessQuestion,
  { signal }: CallOptions = {},
): Promise<boolean> {
  const [name, subresource] = resource.split('/');
  const resourceAttributes = {
    verb,
    group,
    resource: name,
    subresource,
    namespace: isClusterWide ? undefined : namespace,
  };
  const answer = await transport.call({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes },
    },
    verb: 'create',
    resource: 'selfsubjectaccessreviews',
    // It only asks.
    isRepeatable: true,
    signal,
  });
  return Review.parse(answer).status.allowed;
}
