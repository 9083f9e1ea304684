import type {
  V1ConfigMap,
  V1ObjectMeta,
  V1OwnerReference,
  V1PersistentVolumeClaim,
  V1Pod,
  V1Secret,
  V1Service,
} from '@kubernetes/client-node';
import type { WorkspaceResources } from '../../interfaces/workspace-manager.ts';
import { instanceLabels, LABEL } from './labels.ts';
import { podSpec } from './pod-spec.ts';
import { TOKEN_KEY } from './secret-token.ts';
import { tokenDigest } from './token.ts';
import type { WorkspaceSettings } from './workspace-settings.ts';

/** What a workspace is built from. */
export interface WorkspaceDesign {
  /** Of the anchor and of everything that it owns. */
  name: string;
  state: 'warm' | 'claimed';
  /** The task that it belongs to; a warm one belongs to none yet. */
  taskId?: string;
  /** Upper bounds; the settings' where absent. */
  resources?: WorkspaceResources;
}

/** The object that stands for a workspace: everything else is owned by it and goes with it. */
export function anchorObject(settings: WorkspaceSettings, design: WorkspaceDesign): V1ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: design.name, labels: labelsOf(settings, design) },
    ...(design.resources === undefined ? {} : { data: { resources: JSON.stringify(design.resources) } }),
  };
}

/** What an anchor owns besides the pod. */
export interface OwnedObjects {
  secret: V1Secret;
  /** Only where the storage outlives the pod. */
  volume: V1PersistentVolumeClaim | undefined;
  service: V1Service;
}

/**
 * What there is of a workspace before its pod.
 * @param anchorUid uid of the anchor as the cluster has it: the deletion of that very object takes these along
 * @param token what opens the sidecar
 */
export function workspaceObjects(
  settings: WorkspaceSettings,
  design: WorkspaceDesign,
  anchorUid: string,
  token: string,
): OwnedObjects {
  const { name } = design;
  const metadata = ownedMetadata(settings, design, anchorUid);
  const selector = { [LABEL.workspace]: name };
  return {
    secret: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata,
      type: 'Opaque',
      stringData: { [TOKEN_KEY]: token },
    },
    volume: settings.storage.kind === 'pvc' ? volumeClaim(settings, metadata) : undefined,
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: {
        type: 'ClusterIP',
        selector,
        ports: [{ name: 'http', port: settings.port, targetPort: 'http', protocol: 'TCP' }],
        // There is one pod behind it, and nobody asks before it is ready: waiting for the endpoint would only add time.
        publishNotReadyAddresses: true,
      },
    },
  };
}

/**
 * The pod of a workspace.
 * @param anchorUid as for the rest
 * @param token of the workspace's Secret as the cluster has it; the pod is given its digest alone
 */
export function workspacePod(
  settings: WorkspaceSettings,
  design: WorkspaceDesign,
  anchorUid: string,
  token: string,
): V1Pod {
  const { name, resources } = design;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: podMetadata(settings, ownedMetadata(settings, design, anchorUid)),
    spec: podSpec(settings, { name, resources, tokenDigest: tokenDigest(token) }),
  };
}

function labelsOf(
  settings: WorkspaceSettings,
  { name, state, taskId }: WorkspaceDesign,
): Record<string, string> {
  return {
    ...instanceLabels(settings.instance),
    [LABEL.workspace]: name,
    [LABEL.state]: state,
    ...(taskId === undefined ? {} : { [LABEL.task]: taskId }),
  };
}

function ownedMetadata(
  settings: WorkspaceSettings,
  design: WorkspaceDesign,
  anchorUid: string,
): V1ObjectMeta {
  const owner: V1OwnerReference = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    name: design.name,
    uid: anchorUid,
    controller: true,
    // True would ask for a permission on the anchor's finalizers; nothing here needs the deletion to wait.
    blockOwnerDeletion: false,
  };
  return { name: design.name, labels: labelsOf(settings, design), ownerReferences: [owner] };
}

function podMetadata(settings: WorkspaceSettings, metadata: V1ObjectMeta): V1ObjectMeta {
  return {
    ...metadata,
    labels: { ...metadata.labels, [LABEL.egress]: settings.egress },
    annotations: {
      // A pod is somebody's running work: autoscalers must not move it to save a node.
      'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
      'karpenter.sh/do-not-disrupt': 'true',
      'kubectl.kubernetes.io/default-container': 'sidecar',
    },
  };
}

function volumeClaim({ storage }: WorkspaceSettings, metadata: V1ObjectMeta): V1PersistentVolumeClaim {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata,
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: storage.size } },
      ...(storage.className === null ? {} : { storageClassName: storage.className }),
    },
  };
}
