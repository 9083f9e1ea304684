import type { V1ConfigMap, V1Pod } from '@kubernetes/client-node';
import type { WorkspaceState } from '../../interfaces/workspace-manager.ts';
import { ANNOTATION, LABEL } from './labels.ts';
import { diagnosePod } from './pod-diagnosis.ts';
import type { WorkspaceSettings } from './workspace-settings.ts';

/** A workspace as its anchor tells of it. */
export interface Workspace {
  /** Of the anchor, and of everything that it owns. */
  readonly name: string;
  readonly uid: string;
  readonly state: 'warm' | 'claimed';
  readonly taskId: string | undefined;
  /** Of the pod that was given the repository. */
  readonly podUid: string | undefined;
  /** Whether its deletion has begun. */
  readonly isGoing: boolean;
}

export function workspaceOf({ metadata = {} }: V1ConfigMap): Workspace {
  const { name = '', uid = '', labels = {}, annotations = {}, deletionTimestamp } = metadata;
  return {
    name,
    uid,
    state: labels[LABEL.state] === 'warm' ? 'warm' : 'claimed',
    taskId: labels[LABEL.task],
    podUid: annotations[ANNOTATION.podUid],
    isGoing: deletionTimestamp !== undefined,
  };
}

/**
 * What there is of a workspace.
 * @param pod of the workspace's name, where there is one
 */
export function stateOf(
  settings: WorkspaceSettings,
  workspace: Workspace | undefined,
  pod: V1Pod | undefined,
): WorkspaceState {
  if (workspace === undefined || workspace.isGoing) return { status: 'absent' };
  if (workspace.podUid === undefined) return { status: 'preparing' };
  const isTheOne = pod?.metadata?.uid === workspace.podUid;
  const end = endOf(workspace, pod);
  if (settings.storage.kind === 'pvc') {
    if (end !== undefined) return { status: 'suspended', message: `${end} Its files are on its volume.` };
    if (isTheOne || isReady(pod)) return readyState(pod);
    return { status: 'suspended', message: 'A new pod for its volume is on its way.' };
  }
  if (end === undefined && isTheOne) return readyState(pod);
  const replaced = `The pod ${workspace.name} was replaced by another one.`;
  return { status: 'lost', message: lostMessage(end ?? replaced) };
}

/** What became of a pod that is no more or that never comes back; undefined for one that lives. */
function endOf({ name }: Workspace, pod: V1Pod | undefined): string | undefined {
  if (pod === undefined) return `The pod ${name} is gone.`;
  const diagnosis = diagnosePod(pod, []);
  if (diagnosis.state === 'going') return `The pod ${name} is being deleted.`;
  const { phase } = pod.status ?? {};
  if (phase !== 'Failed' && phase !== 'Succeeded') return undefined;
  return diagnosis.state === 'failed' ? diagnosis.message : `The pod ${name} has ended.`;
}

function readyState(pod: V1Pod | undefined): WorkspaceState {
  if (pod === undefined || isReady(pod)) return { status: 'ready' };
  const { state, restartCount = 0 } = pod.status?.containerStatuses?.[0] ?? {};
  // Its sidecar said itself that it is ready; the kubelet says so later, and even that its container runs.
  if (restartCount === 0 && state?.terminated === undefined) return { status: 'ready' };
  const diagnosis = diagnosePod(pod, []);
  const message = 'message' in diagnosis ? diagnosis.message : 'Its container starts again.';
  return { status: 'ready', message };
}

export function isReady(pod: V1Pod | undefined): boolean {
  return pod !== undefined && diagnosePod(pod, []).state === 'ready';
}

function lostMessage(end: string): string {
  return `${end} Its files were on the node (REMOTE_STORAGE=emptyDir) and went with it; what was pushed is kept. The next message makes a new pod, from the branch of the task if it was pushed, from its base otherwise. With REMOTE_STORAGE=pvc a workspace outlives its pod.`;
}
