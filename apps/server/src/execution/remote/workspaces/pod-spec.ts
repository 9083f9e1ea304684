import type {
  V1Container,
  V1PodSpec,
  V1Probe,
  V1ResourceRequirements,
  V1Volume,
} from '@kubernetes/client-node';
import type { WorkspaceResources } from '../../interfaces/workspace-manager.ts';
import { addQuantities, smallerQuantity } from './quantity.ts';
import type { WorkspaceSettings } from './workspace-settings.ts';

/** Where things are inside the pod. */
export const POD_PATHS = {
  volume: '/workspace',
  repository: '/workspace/repo',
  state: '/workspace/state',
  home: '/workspace/home',
  temporary: '/tmp',
  cache: '/cache',
} as const;

export const CONTAINER_NAME = 'sidecar';

const USER_ID = 1000;
const TEMPORARY_SIZE = '2Gi';
/** Besides the volumes: the container's log. */
const LOG_SIZE = '256Mi';
const EPHEMERAL_REQUEST = '256Mi';
/** Long enough for the sidecar to end its calls and the commands. */
const GRACE_SECONDS = 20;

/**
 * The pod of a workspace: no privilege, no token of the cluster, a read-only root, and a bound for everything that it uses.
 * @param pod `name` of the workspace, its upper bounds, where they are its own, and the SHA-256 of its token
 */
export function podSpec(
  settings: WorkspaceSettings,
  pod: { name: string; resources: WorkspaceResources | undefined; tokenDigest: string },
): V1PodSpec {
  return {
    containers: [container(settings, pod.resources ?? {}, pod.tokenDigest)],
    volumes: volumes(settings, pod.name),
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: GRACE_SECONDS,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    serviceAccountName: settings.serviceAccount,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: USER_ID,
      runAsGroup: USER_ID,
      fsGroup: USER_ID,
      // A large volume is not walked through at each start.
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...nameResolution(settings),
    ...(settings.runtimeClass === null ? {} : { runtimeClassName: settings.runtimeClass }),
    ...(settings.priorityClass === null ? {} : { priorityClassName: settings.priorityClass }),
    ...(settings.imagePullSecret === null ? {} : { imagePullSecrets: [{ name: settings.imagePullSecret }] }),
  };
}

/** The cluster's resolver would tell a pod that may see public addresses alone what is in the cluster. */
function nameResolution({
  egress,
  dnsServers,
}: WorkspaceSettings): Pick<V1PodSpec, 'dnsPolicy' | 'dnsConfig'> {
  if (egress !== 'public' || dnsServers.length === 0) return {};
  return { dnsPolicy: 'None', dnsConfig: { nameservers: [...dnsServers] } };
}

function container(
  settings: WorkspaceSettings,
  bounds: WorkspaceResources,
  tokenDigest: string,
): V1Container {
  const { temporary, volume, cache } = POD_PATHS;
  return {
    name: CONTAINER_NAME,
    image: settings.image,
    imagePullPolicy: settings.imagePullPolicy,
    env: Object.entries(environment(settings, tokenDigest)).map(([name, value]) => ({ name, value })),
    ports: [{ name: 'http', containerPort: settings.port, protocol: 'TCP' }],
    resources: resources(settings, bounds),
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      privileged: false,
      capabilities: { drop: ['ALL'] },
    },
    // The kubelet then tells the last lines of a container that crashed, and nobody needs the right to read logs.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    // Not in the first second, in which nobody is ready and a question only disturbs.
    readinessProbe: probe(settings, 'ready', {
      initialDelaySeconds: 1,
      periodSeconds: 1,
      timeoutSeconds: 5,
      failureThreshold: 3,
    }),
    // A restart ends every command: only a sidecar that has been silent for minutes is worth that.
    livenessProbe: probe(settings, 'live', {
      initialDelaySeconds: 20,
      periodSeconds: 20,
      timeoutSeconds: 10,
      failureThreshold: 15,
    }),
    volumeMounts: [
      { name: 'workspace', mountPath: volume },
      { name: 'tmp', mountPath: temporary },
      ...(settings.buildCacheClaim === null ? [] : [{ name: 'cache', mountPath: cache }]),
    ],
  };
}

function environment({ port }: WorkspaceSettings, tokenDigest: string): Record<string, string> {
  return {
    SIDECAR_HOST: '0.0.0.0',
    SIDECAR_PORT: String(port),
    WORKSPACE_DIR: POD_PATHS.repository,
    SIDECAR_STATE_DIR: POD_PATHS.state,
    SIDECAR_TOKEN_SHA256: tokenDigest,
    HOME: POD_PATHS.home,
    TMPDIR: POD_PATHS.temporary,
  };
}

function resources(settings: WorkspaceSettings, bounds: WorkspaceResources): V1ResourceRequirements {
  const { limits, requests, storage } = settings;
  const cpu = bounds.cpu ?? limits.cpu;
  const memory = bounds.memory ?? limits.memory;
  const onNode = storage.kind === 'emptyDir' ? [storage.size] : [];
  const ephemeral = addQuantities(...onNode, TEMPORARY_SIZE, LOG_SIZE);
  return {
    limits: { cpu, memory, 'ephemeral-storage': ephemeral },
    requests: {
      // A request above its limit is refused; a task may ask for less than the usual request.
      cpu: smallerQuantity(requests.cpu, cpu),
      memory: smallerQuantity(requests.memory, memory),
      'ephemeral-storage': smallerQuantity(EPHEMERAL_REQUEST, ephemeral),
    },
  };
}

function volumes(settings: WorkspaceSettings, name: string): V1Volume[] {
  const { storage, buildCacheClaim } = settings;
  const workspace =
    storage.kind === 'pvc'
      ? { persistentVolumeClaim: { claimName: name } }
      : { emptyDir: { sizeLimit: storage.size } };
  return [
    { name: 'workspace', ...workspace },
    { name: 'tmp', emptyDir: { sizeLimit: TEMPORARY_SIZE } },
    ...(buildCacheClaim === null
      ? []
      : [{ name: 'cache', persistentVolumeClaim: { claimName: buildCacheClaim } }]),
  ];
}

function probe(
  { port, healthPath }: WorkspaceSettings,
  what: 'live' | 'ready',
  pace: Pick<V1Probe, 'initialDelaySeconds' | 'periodSeconds' | 'timeoutSeconds' | 'failureThreshold'>,
): V1Probe {
  return { httpGet: { path: `${healthPath}/${what}`, port }, ...pace };
}
