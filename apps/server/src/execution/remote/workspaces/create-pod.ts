import { setTimeout as delay } from 'node:timers/promises';
import type { V1Pod, V1Secret } from '@kubernetes/client-node';
import { ShadowError } from '@shadow/protocol';
import type { StepProgress, WorkspaceSpec } from '../../interfaces/workspace-manager.ts';
import type { Cluster } from '../kubernetes/cluster.ts';
import { KubernetesError } from '../kubernetes/kubernetes-error.ts';
import { ensureOwned } from './ensure-owned.ts';
import { coldName, findWorkspace } from './find-workspace.ts';
import { ANNOTATION } from './labels.ts';
import { diagnosePod } from './pod-diagnosis.ts';
import { tokenIn, tokenOf } from './secret-token.ts';
import { newToken } from './token.ts';
import { anchorObject, type WorkspaceDesign, workspaceObjects, workspacePod } from './workspace-objects.ts';
import type { WorkspaceSettings } from './workspace-settings.ts';
import { type Workspace, workspaceOf } from './workspace-state.ts';

/** Workspaces that are ready before a task comes. */
export interface WarmWorkspaces {
  /**
   * Takes one out of the pool for a task, or finishes a taking that a crash cut off. Its anchor carries the task's label then, and only
   * the token of its Secret opens the sidecar.
   * @returns undefined where none fits or none is there
   */
  takeWarm(spec: WorkspaceSpec, progress: StepProgress): Promise<{ name: string } | undefined>;
  /** Ends what goes on in the background; the pool stays. */
  close(): Promise<void>;
}

/** What the steps of a workspace work with. */
export interface WorkspaceParts {
  readonly cluster: Cluster;
  readonly settings: WorkspaceSettings;
  /** Milliseconds for which what an earlier workspace left behind is waited for. */
  readonly startTimeoutMs: number;
  readonly warm: WarmWorkspaces | undefined;
  /** Uids of pods that a step has given up on: the next attempt has another one. */
  readonly givenUp: Set<string>;
  /** When this server began: what failed before has been told by its predecessor. */
  readonly startedAt: Date;
}

/**
 * CREATE_POD: everything of a workspace is there afterwards, whatever of it was before. A warm one is taken where there is
 * one.
 * @throws ShadowError PERMISSION_DENIED, RESOURCE_LIMIT and others in the API server's words
 */
export async function createPod(
  parts: WorkspaceParts,
  spec: WorkspaceSpec,
  progress: StepProgress,
): Promise<Workspace> {
  const { cluster, settings } = parts;
  const found = await findWorkspace(cluster, settings.instance, spec.taskId, progress.signal);
  const isCold = found?.name === coldName(spec.taskId);
  const taken = isCold ? undefined : await parts.warm?.takeWarm(spec, progress);
  if (taken !== undefined) progress.log(`Took ${taken.name} from the warm pool.`);
  const workspace = taken === undefined ? found : await findTaken(parts, spec, progress, taken.name);
  return await ensureWorkspace(parts, spec, workspace, progress);
}

/**
 * Completes a workspace: whatever of it is missing is made, the pod last, and one that will not come up is replaced unless
 * it holds the only copy of the files.
 * @param workspace as it was found; undefined to make a cold one
 */
export async function ensureWorkspace(
  parts: WorkspaceParts,
  spec: WorkspaceSpec,
  workspace: Workspace | undefined,
  progress: StepProgress,
): Promise<Workspace> {
  const pod = workspace === undefined ? undefined : parts.cluster.pods.get(workspace.name);
  // The pod is made last: where it is, the rest is.
  if (workspace !== undefined && pod !== undefined && isWorthKeeping(parts, workspace, pod)) return workspace;
  const timeout = AbortSignal.timeout(parts.startTimeoutMs);
  const signal = AbortSignal.any([progress.signal, timeout]);
  try {
    return await withAdvice(() => completeWorkspace(parts, spec, workspace, { ...progress, signal }));
  } catch (error) {
    if (!timeout.aborted || progress.signal.aborted) throw error;
    throw new ShadowError(
      'POD_FAILED',
      'What an earlier workspace of this task left in the cluster does not go away; the node of its pod may be gone (kubectl get pods, kubectl delete pod --force).',
      { cause: error },
    );
  }
}

async function completeWorkspace(
  parts: WorkspaceParts,
  spec: WorkspaceSpec,
  workspace: Workspace | undefined,
  progress: StepProgress,
): Promise<Workspace> {
  const { cluster, settings } = parts;
  const design: WorkspaceDesign = {
    name: workspace?.name ?? coldName(spec.taskId),
    state: 'claimed',
    taskId: spec.taskId,
    ...(spec.resources === undefined ? {} : { resources: spec.resources }),
  };
  const anchor = workspace ?? (await ensureAnchor(cluster, settings, design, progress.signal));
  const { api } = cluster;
  const { signal } = progress;
  const known = workspace === undefined ? undefined : await api.secrets.get(design.name, { signal });
  const objects = workspaceObjects(settings, design, anchor.uid, tokenOf(known) ?? newToken());
  const isWhole = (secret: V1Secret) => tokenOf(secret) !== undefined;
  const { secret, volume, service } = objects;
  const [kept] = await Promise.all([
    ensureOwned(api.secrets, secret, progress, isWhole),
    ensureOwned(api.services, service, progress),
    ...(volume === undefined ? [] : [ensureOwned(api.persistentVolumeClaims, volume, progress)]),
  ]);
  const isUsable = (pod: V1Pod) => isWorthKeeping(parts, anchor, pod);
  // Of the Secret as it is in the cluster: another server may have made it.
  const pod = await ensureOwned(
    api.pods,
    workspacePod(settings, design, anchor.uid, tokenIn(kept)),
    progress,
    isUsable,
  );
  await forgetLostPod(parts, anchor, pod, signal);
  progress.log(`Created the pod ${design.name} in the namespace ${cluster.namespace}.`);
  return anchor;
}

/** The steps run because nothing was acknowledged yet: what an earlier pod held is made again in this one. */
async function forgetLostPod(
  { cluster, settings }: WorkspaceParts,
  { name, podUid }: Workspace,
  pod: V1Pod,
  signal: AbortSignal,
): Promise<void> {
  const isLost = podUid !== undefined && podUid !== pod.metadata?.uid;
  if (!isLost || settings.storage.kind === 'pvc') return;
  const annotations = { [ANNOTATION.podUid]: null };
  await cluster.api.configMaps.patch(name, { metadata: { annotations } }, { signal });
}

/** The anchor of a new workspace. One of an earlier workspace that is still going is waited for. */
async function ensureAnchor(
  { api }: Cluster,
  settings: WorkspaceSettings,
  design: WorkspaceDesign,
  signal: AbortSignal,
): Promise<Workspace> {
  for (;;) {
    const { object } = await api.configMaps.ensure(anchorObject(settings, design), { signal });
    const workspace = workspaceOf(object);
    if (workspace.taskId !== design.taskId) {
      throw new ShadowError(
        'ALREADY_EXISTS',
        `The ConfigMap ${design.name} is there and not this task's. Remove it or use another namespace.`,
      );
    }
    if (!workspace.isGoing) return workspace;
    await delay(250, undefined, { signal });
  }
}

async function findTaken(
  { cluster, settings }: WorkspaceParts,
  { taskId }: WorkspaceSpec,
  { signal }: StepProgress,
  name: string,
): Promise<Workspace> {
  const found = await findWorkspace(cluster, settings.instance, taskId, signal);
  if (found !== undefined) return found;
  throw new ShadowError(
    'UNAVAILABLE',
    `The warm workspace ${name} was gone as soon as it was taken. Try again.`,
  );
}

/** Whether a pod that is there is the one to go on with. */
function isWorthKeeping(parts: WorkspaceParts, { podUid }: Workspace, pod: V1Pod): boolean {
  const { uid, creationTimestamp } = pod.metadata ?? {};
  const { state } = diagnosePod(pod, []);
  if (state === 'ready') return true;
  // Another one is made when it is gone.
  if (state === 'going') return false;
  const holdsFiles = parts.settings.storage.kind === 'emptyDir' && uid === podUid;
  const hasEnded = pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';
  if (holdsFiles && !hasEnded) return true;
  if (hasEnded || (uid !== undefined && parts.givenUp.has(uid))) return false;
  const isOld = new Date(creationTimestamp ?? 0) < parts.startedAt;
  return !(isOld && (state === 'failed' || state === 'stuck'));
}

/** Refusals of the API server with what to do about them. */
async function withAdvice<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof KubernetesError)) throw error;
    const advice = ADVICE[error.reason];
    if (advice === undefined) throw error;
    const { code, details } = error.toOperationError();
    const about = details === undefined ? {} : { details };
    throw new ShadowError(code, `${error.message} ${advice}`, { cause: error, ...about });
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  QuotaExceeded:
    'End other tasks, lower what this one asks for, or raise the ResourceQuota of the namespace.',
  Unauthorized: 'The cluster does not accept the server’s credentials: renew the token or the kubeconfig.',
  Invalid: 'A setting of the pod (REMOTE_…, SIDECAR_…) is not one that this cluster takes.',
};
