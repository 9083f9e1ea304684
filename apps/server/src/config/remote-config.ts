import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Settings } from './settings.ts';

/** How the cluster is found and who the server is there. */
export interface ClusterConfig {
  /** Where a token of its own or the default identity belongs to; null without KUBERNETES_API_URL. */
  readonly apiUrl: string | null;
  readonly token: string | null;
  readonly caFile: string | null;
  readonly kubeconfig: {
    /** Files as kubectl takes them, the first to define a name wins. */
    readonly files: readonly string[];
    /** Whether KUBECONFIG names them; the default file is only looked for. */
    readonly isExplicit: boolean;
    /** The current one by default. */
    readonly context: string | null;
  };
  /** API server of the cluster that this process runs in; null outside. */
  readonly inCluster: { readonly host: string; readonly port: number } | null;
  readonly namespace: string;
  readonly instance: string;
  readonly reach: Settings['remoteReach'];
}

/** Remote mode: the cluster and what a task's pod is made of. */
export interface RemoteConfig {
  readonly cluster: ClusterConfig;
  readonly workspaces: {
    readonly instance: string;
    readonly image: string;
    readonly imagePullPolicy: Settings['remoteImagePullPolicy'];
    readonly imagePullSecret: string | null;
    readonly port: number;
    /** Without a slash at its end; `/live` and `/ready` are below it. */
    readonly healthPath: string;
    readonly limits: { readonly cpu: string; readonly memory: string };
    readonly requests: { readonly cpu: string; readonly memory: string };
    readonly storage: {
      readonly kind: Settings['remoteStorage'];
      readonly size: string;
      readonly className: string | null;
    };
    readonly buildCacheClaim: string | null;
    readonly runtimeClass: string | null;
    readonly priorityClass: string | null;
    readonly serviceAccount: string;
    readonly egress: Settings['remoteEgress'];
    /** Addresses; the cluster's own resolver when empty. */
    readonly dnsServers: readonly string[];
  };
  readonly clone: Settings['remoteClone'];
  /** Milliseconds until a sidecar must be ready. */
  readonly startTimeoutMs: number;
  /** Milliseconds for which a pod may be in trouble that can pass by itself. */
  readonly unschedulableGraceMs: number;
  readonly warmPoolSize: number;
}

export function remoteConfig(values: Settings): RemoteConfig {
  return {
    cluster: clusterConfig(values),
    workspaces: {
      instance: values.remoteInstance,
      image: values.sidecarImage,
      imagePullPolicy: values.remoteImagePullPolicy,
      imagePullSecret: values.remoteImagePullSecret,
      port: values.sidecarPort,
      healthPath: values.sidecarHealthPath,
      limits: { cpu: values.remoteCpuLimit, memory: values.remoteMemoryLimit },
      requests: { cpu: values.remoteCpuRequest, memory: values.remoteMemoryRequest },
      storage: {
        kind: values.remoteStorage,
        size: values.remoteStorageSize,
        className: values.remoteStorageClass,
      },
      buildCacheClaim: values.remoteBuildCacheClaim,
      runtimeClass: values.remoteRuntimeClass,
      priorityClass: values.remotePriorityClass,
      serviceAccount: values.remoteServiceAccount,
      egress: values.remoteEgress,
      dnsServers: values.remoteDnsServers,
    },
    clone: values.remoteClone,
    startTimeoutMs: values.remoteStartTimeoutMs,
    unschedulableGraceMs: values.remoteUnschedulableGraceMs,
    warmPoolSize: values.remoteWarmPoolSize,
  };
}

function clusterConfig(values: Settings): ClusterConfig {
  const { kubeconfig, kubernetesServiceHost: host, kubernetesServicePort: port } = values;
  const files = kubeconfig?.split(':').filter((file) => file !== '') ?? [];
  return {
    apiUrl: values.kubernetesApiUrl,
    token: values.kubernetesToken,
    caFile: values.kubernetesCaFile,
    kubeconfig: {
      files: files.length > 0 ? files : [join(homedir(), '.kube', 'config')],
      isExplicit: files.length > 0,
      context: values.kubernetesContext,
    },
    inCluster: host === null ? null : { host, port },
    namespace: values.kubernetesNamespace,
    instance: values.remoteInstance,
    reach: values.remoteReach,
  };
}

/** A combination of settings that cannot work; `variable` is the one to change. */
export interface SettingsConflict {
  readonly variable: string;
  readonly message: string;
}

/** Settings of remote mode that contradict each other; each value by itself is valid. */
export function remoteConflicts(values: Settings): SettingsConflict[] {
  if (values.agentMode !== 'remote') return [];
  const conflicts: SettingsConflict[] = [];
  const unless = (holds: boolean, variable: string, message: string) => {
    if (!holds) conflicts.push({ variable, message });
  };
  const hasUrl = values.kubernetesApiUrl !== null;
  const isPersistent = values.remoteStorage === 'pvc';
  unless(
    !hasUrl || values.kubernetesToken !== null,
    'K8S_SERVICE_ACCOUNT_TOKEN',
    'is needed with KUBERNETES_API_URL',
  );
  unless(hasUrl || values.kubernetesCaFile === null, 'KUBERNETES_CA_FILE', 'is only for KUBERNETES_API_URL');
  unless(
    !hasUrl || values.kubernetesContext === null,
    'KUBERNETES_CONTEXT',
    'is of a kubeconfig, which KUBERNETES_API_URL takes the place of',
  );
  unless(
    isPersistent || values.remoteStorageClass === null,
    'REMOTE_STORAGE_CLASS',
    'is only for REMOTE_STORAGE=pvc',
  );
  return conflicts;
}
