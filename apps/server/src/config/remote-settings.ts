import { isIP } from 'node:net';
import { isAbsolute } from 'node:path';
import * as z from 'zod';
import { integer, MILLISECONDS, milliseconds, optional, setting } from './setting.ts';

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names */
const label = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
/** https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names */
const name = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/, without signs and exponents. */
const cpu = z.string().regex(/^(?=.*[1-9])(\d{1,9}m|\d{1,6}(\.\d{1,3})?)$/);
const bytes = z.string().regex(/^(?=.*[1-9])\d{1,15}(\.\d{1,3})?(k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/);
const path = z.string().refine((text) => isAbsolute(text));

const LABEL = 'up to 63 lower-case letters, digits and -, such as shadow';
const NAME = 'the name of a Kubernetes object';
const CPU = 'a Kubernetes quantity of processors above 0, such as 500m or 2';
const BYTES = 'a Kubernetes quantity of bytes above 0, such as 512Mi or 10Gi';
const PATH = 'an absolute path';

/** What AGENT_MODE=remote reads: how to reach the cluster, and what a task's pod is made of. */
export const remoteSettings = {
  kubernetesApiUrl: setting({
    name: 'KUBERNETES_API_URL',
    default: '(none)',
    description:
      'Kubernetes API server to use in place of a kubeconfig or the cluster that Shadow runs in; needs K8S_SERVICE_ACCOUNT_TOKEN.',
    allowed: 'an https URL',
    schema: optional(z.url({ protocol: /^https$/ })),
  }),
  kubernetesToken: setting({
    name: 'K8S_SERVICE_ACCOUNT_TOKEN',
    default: '(none)',
    description:
      'ServiceAccount token for the cluster, however it is found; takes the place of any other identity.',
    allowed: 'a token of one line without spaces',
    secret: true,
    schema: optional(z.string().regex(/^[\x21-\x7e]+$/)),
  }),
  kubernetesCaFile: setting({
    name: 'KUBERNETES_CA_FILE',
    default: '(those that Node trusts)',
    description: 'PEM file of the authorities that vouch for KUBERNETES_API_URL.',
    allowed: PATH,
    schema: optional(path),
  }),
  kubeconfig: setting({
    name: 'KUBECONFIG',
    default: '~/.kube/config',
    description:
      'kubeconfig file, or several as kubectl takes them. When it is not set and Shadow runs in a cluster, that one is used.',
    allowed: 'a path, or several with : between them',
    schema: optional(z.string()),
  }),
  kubernetesContext: setting({
    name: 'KUBERNETES_CONTEXT',
    default: 'the current one',
    description: 'Context of the kubeconfig.',
    allowed: 'the name of a context',
    schema: optional(z.string()),
  }),
  kubernetesServiceHost: setting({
    name: 'KUBERNETES_SERVICE_HOST',
    default: '(none)',
    description: 'Set by Kubernetes in every pod: where its API server is.',
    allowed: 'an IP address or a host name',
    schema: optional(z.string().regex(/^[A-Za-z0-9.:_-]{1,253}$/)),
  }),
  kubernetesServicePort: setting({
    name: 'KUBERNETES_SERVICE_PORT',
    default: '443',
    description: 'Set by Kubernetes in every pod: the port of its API server.',
    allowed: 'a whole number from 1 to 65535',
    schema: integer(1, 65_535, 443),
  }),
  kubernetesNamespace: setting({
    name: 'KUBERNETES_NAMESPACE',
    default: 'shadow',
    description: 'Namespace of the tasks’ pods; it must exist.',
    allowed: LABEL,
    schema: label.default('shadow'),
  }),
  remoteInstance: setting({
    name: 'REMOTE_INSTANCE',
    default: 'shadow',
    description: 'Tells installations of Shadow that share a namespace apart; replicas of one have the same.',
    allowed: LABEL,
    schema: label.default('shadow'),
  }),
  remoteReach: setting({
    name: 'REMOTE_REACH',
    default: 'auto',
    description:
      'How the server reaches pods: by their Services, or by port-forward through the API server; auto takes Services in the cluster and port-forward outside.',
    allowed: 'auto, service or port-forward',
    schema: z.enum(['auto', 'service', 'port-forward']).default('auto'),
  }),
  remoteClone: setting({
    name: 'REMOTE_CLONE',
    default: 'auto',
    description:
      'How a repository comes into a pod: cloned there, or as a bundle from the server’s mirror; auto takes the bundle where the pod could not or may not clone.',
    allowed: 'auto, pod or bundle',
    schema: z.enum(['auto', 'pod', 'bundle']).default('auto'),
  }),
  remoteEgress: setting({
    name: 'REMOTE_EGRESS',
    default: 'public',
    description:
      'What pods may connect to, where the cluster enforces NetworkPolicy: nothing, public addresses only, or the cluster too.',
    allowed: 'none, public or cluster',
    schema: z.enum(['none', 'public', 'cluster']).default('public'),
  }),
  remoteDnsServers: setting({
    name: 'REMOTE_DNS_SERVERS',
    default: 'the cluster’s',
    description:
      'Public resolvers that pods with REMOTE_EGRESS=public ask in place of the cluster’s, so that no name of the cluster is told them.',
    allowed: 'one to three IP addresses with commas between them',
    schema: z
      .string()
      .transform((text) => text.split(',').map((address) => address.trim()))
      .refine((addresses) => addresses.length <= 3 && addresses.every((address) => isIP(address) !== 0))
      .optional()
      .transform((addresses) => addresses ?? []),
  }),
  remoteStartTimeoutMs: setting({
    name: 'REMOTE_START_TIMEOUT_MS',
    default: '300000',
    description: 'How long a pod may take until its sidecar is ready.',
    allowed: MILLISECONDS,
    schema: milliseconds(300_000),
  }),
  remoteUnschedulableGraceMs: setting({
    name: 'REMOTE_UNSCHEDULABLE_GRACE_MS',
    default: '30000',
    description:
      'How long a pod may wait for a node with room or for its volume, until the start has failed. With an autoscaler: as long as a new node takes.',
    allowed: MILLISECONDS,
    schema: milliseconds(30_000),
  }),
  remoteWarmPoolSize: setting({
    name: 'REMOTE_WARM_POOL_SIZE',
    default: '0',
    description: 'Pods that are kept ready for tasks to come.',
    allowed: 'a whole number from 0 to 1000',
    schema: integer(0, 1000, 0),
  }),
  workspaceCleanupTtlMs: setting({
    name: 'WORKSPACE_CLEANUP_TTL_MS',
    default: '3600000',
    description: 'How long a task may be idle until its pod is suspended; the next message wakes it.',
    allowed: 'a whole number of milliseconds from 1000 to 31536000000 (a year)',
    schema: integer(1000, 31_536_000_000, 3_600_000),
  }),
  sidecarImage: setting({
    name: 'SIDECAR_IMAGE',
    default: 'shadow-sidecar:latest',
    description: 'Image of the tasks’ pods.',
    allowed: 'an image reference, such as registry.example.com/shadow-sidecar:1.0',
    schema: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,511}$/)
      .default('shadow-sidecar:latest'),
  }),
  sidecarPort: setting({
    name: 'SIDECAR_PORT',
    default: '8080',
    description: 'Port that the sidecar listens on in its pod.',
    // Its user may open no port below.
    allowed: 'a whole number from 1024 to 65535',
    schema: integer(1024, 65_535, 8080),
  }),
  sidecarHealthPath: setting({
    name: 'SIDECAR_HEALTH_PATH',
    default: '/health',
    description: 'Path under which the sidecar answers probes: live and ready.',
    allowed: 'a path that starts with / and does not end in one',
    schema: z
      .string()
      .regex(/^(\/[A-Za-z0-9._~-]+)+$/)
      .default('/health'),
  }),
  remoteCpuRequest: setting({
    name: 'REMOTE_CPU_REQUEST',
    default: '250m',
    description: 'Processor time that a pod is sure of.',
    allowed: CPU,
    schema: cpu.default('250m'),
  }),
  remoteCpuLimit: setting({
    name: 'REMOTE_CPU_LIMIT',
    default: '1000m',
    description: 'Processor time that a pod may use at most.',
    allowed: CPU,
    schema: cpu.default('1000m'),
  }),
  remoteMemoryRequest: setting({
    name: 'REMOTE_MEMORY_REQUEST',
    default: '512Mi',
    description: 'Memory that a pod is sure of.',
    allowed: BYTES,
    schema: bytes.default('512Mi'),
  }),
  remoteMemoryLimit: setting({
    name: 'REMOTE_MEMORY_LIMIT',
    default: '2Gi',
    description: 'Memory that a pod may use at most.',
    allowed: BYTES,
    schema: bytes.default('2Gi'),
  }),
  remoteStorage: setting({
    name: 'REMOTE_STORAGE',
    default: 'emptyDir',
    description:
      'Where a task’s files are: on the node, gone with the pod, or on a persistent volume of their own.',
    allowed: 'emptyDir or pvc',
    schema: z.enum(['emptyDir', 'pvc']).default('emptyDir'),
  }),
  remoteStorageSize: setting({
    name: 'REMOTE_STORAGE_SIZE',
    default: '10Gi',
    description: 'Room for a task’s files.',
    allowed: BYTES,
    schema: bytes.default('10Gi'),
  }),
  remoteStorageClass: setting({
    name: 'REMOTE_STORAGE_CLASS',
    default: 'the cluster’s default',
    description: 'StorageClass of the tasks’ volumes, with REMOTE_STORAGE=pvc.',
    allowed: NAME,
    schema: optional(name),
  }),
  remoteBuildCacheClaim: setting({
    name: 'REMOTE_BUILD_CACHE_CLAIM',
    default: '(none)',
    description:
      'PersistentVolumeClaim in the namespace that all pods share as the cache of npm, pip, ccache and the like.',
    allowed: NAME,
    schema: optional(name),
  }),
  remoteImagePullPolicy: setting({
    name: 'REMOTE_IMAGE_PULL_POLICY',
    default: 'IfNotPresent',
    description: 'When a node pulls the image.',
    allowed: 'Always, IfNotPresent or Never',
    schema: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent'),
  }),
  remoteImagePullSecret: setting({
    name: 'REMOTE_IMAGE_PULL_SECRET',
    default: '(none)',
    description: 'Secret in the namespace that opens the image’s registry.',
    allowed: NAME,
    schema: optional(name),
  }),
  remoteServiceAccount: setting({
    name: 'REMOTE_SERVICE_ACCOUNT',
    default: 'default',
    description: 'ServiceAccount of the pods; its token is never mounted.',
    allowed: NAME,
    schema: name.default('default'),
  }),
  remoteRuntimeClass: setting({
    name: 'REMOTE_RUNTIME_CLASS',
    default: '(none)',
    description: 'RuntimeClass of the pods, such as one of gVisor or Kata Containers.',
    allowed: NAME,
    schema: optional(name),
  }),
  remotePriorityClass: setting({
    name: 'REMOTE_PRIORITY_CLASS',
    default: '(none)',
    description: 'PriorityClass of the pods.',
    allowed: NAME,
    schema: optional(name),
  }),
} as const;
