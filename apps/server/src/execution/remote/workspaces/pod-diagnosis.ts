import type { V1ContainerStateTerminated, V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import type { PodEvent } from '../kubernetes/cluster.ts';
import { adviceOf, type PodTrouble } from './start-advice.ts';

export type PodDiagnosis =
  /** Its readiness probe passes. */
  | { state: 'ready' }
  /** On its way; `waitingFor` says in the cluster's own words what it waits for, where that is known, and what to do. */
  | { state: 'starting'; waitingFor?: string }
  /** In trouble that may pass by itself: a node may join, a volume may be bound. */
  | { state: 'stuck'; trouble: PodTrouble; message: string }
  /** It will not come up as it is. */
  | { state: 'failed'; trouble: PodTrouble; message: string }
  /** It is being deleted. */
  | { state: 'going' };

/** Reasons of a waiting container that mean its image cannot be had; source: kubelet's pkg/kubelet/images/types.go. */
const IMAGE_REASONS: ReadonlySet<string> = new Set([
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'SignatureValidationFailed',
]);

/** Reasons with which the kubelet cannot make or start a container; source: pkg/kubelet/kuberuntime/kuberuntime_container.go. */
const CONFIGURATION_REASONS: ReadonlySet<string> = new Set([
  'CreateContainerConfigError',
  'CreateContainerError',
  'PreCreateHookError',
  'PreStartHookError',
  'PostStartHookError',
  'RunContainerError',
  'RunInitContainerError',
]);

/** The same as reason of a container that was never started. */
const NOT_STARTED: ReadonlySet<string> = new Set(['StartError', 'ContainerCannotRun']);
/** Reasons of events that say that a volume cannot be used yet; source: kubelet's pkg/kubelet/events/event.go. */
const VOLUME_EVENTS: ReadonlySet<string> = new Set(['FailedMount', 'FailedAttachVolume', 'FailedMapVolume']);
/** A first crash may be an accident; the same again is not. */
const CRASHES = 2;

/**
 * Says how a pod is doing, in the words of the scheduler and the kubelet.
 * @param events of this pod, in the order in which they came
 */
export function diagnosePod(pod: V1Pod, events: readonly PodEvent[]): PodDiagnosis {
  const { status } = pod;
  if (pod.metadata?.deletionTimestamp !== undefined) return { state: 'going' };
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded') return endedPod(pod);
  if (conditionOf(pod, 'Ready')?.status === 'True') return { state: 'ready' };
  const scheduled = conditionOf(pod, 'PodScheduled');
  if (scheduled?.status === 'False') return unscheduled(scheduled.message ?? scheduled.reason ?? '');
  const container = status?.containerStatuses?.[0];
  return (
    (container === undefined ? undefined : diagnoseContainer(container, events)) ??
    diagnoseVolumes(container, events) ?? { state: 'starting', ...waitingFor(container, events) }
  );
}

function endedPod({ status, spec }: V1Pod): PodDiagnosis {
  const ended = status?.containerStatuses?.[0]?.state?.terminated;
  const words = [status?.message, ended === undefined ? undefined : exitWords(ended)]
    .filter(Boolean)
    .join(' ');
  const node = spec?.nodeName === undefined ? '' : ` from ${spec.nodeName}`;
  if (status?.reason === 'Evicted') {
    return failed('evicted', `The pod was evicted${node}: ${words}`, words);
  }
  if (ended?.reason === 'OOMKilled') return outOfMemory(ended);
  return failed('ended', `The pod ended${node} (${status?.reason ?? status?.phase}): ${words}`, words);
}

function unscheduled(words: string): PodDiagnosis {
  const message = `No node takes the pod: ${words}`;
  return { state: 'stuck', trouble: 'unschedulable', message: withAdvice(message, 'unschedulable', words) };
}

function diagnoseContainer(
  { state, lastState, restartCount, image }: V1ContainerStatus,
  events: readonly PodEvent[],
): PodDiagnosis | undefined {
  const last = state?.terminated ?? lastState?.terminated;
  const waiting = state?.waiting;
  const reason = waiting?.reason ?? '';
  if (IMAGE_REASONS.has(reason)) {
    const words = pullWords(events) ?? waiting?.message ?? reason;
    return failed('image', `The image ${image} cannot be used (${reason}): ${words}`, `${reason} ${words}`);
  }
  if (CONFIGURATION_REASONS.has(reason) || (last !== undefined && NOT_STARTED.has(last.reason ?? ''))) {
    const words = waiting?.message ?? last?.message ?? reason;
    return failed(
      'configuration',
      `The container cannot be started (${reason || last?.reason}): ${words}`,
      words,
    );
  }
  if (last === undefined) return undefined;
  const isDown = state?.running === undefined;
  if (last.reason === 'OOMKilled' && (isDown || restartCount >= CRASHES)) return outOfMemory(last);
  if (reason !== 'CrashLoopBackOff' && restartCount < CRASHES) return undefined;
  const times = restartCount === 1 ? 'once' : `${restartCount} times`;
  const words = exitWords(last);
  return failed('crash', `The sidecar does not stay up, it was started again ${times}. ${words}`, words);
}

function outOfMemory(ended: V1ContainerStateTerminated): PodDiagnosis {
  const words = exitWords(ended);
  return failed(
    'out-of-memory',
    `The sidecar ran out of memory while it started (OOMKilled). ${words}`,
    words,
  );
}

/** How a container ended: its code and the last lines of its log, which its pod asks the kubelet to keep. */
function exitWords({ exitCode, signal, reason, message }: V1ContainerStateTerminated): string {
  const how = signal ? `signal ${signal}` : `exit code ${exitCode}`;
  const why = reason === undefined || reason === 'Error' ? '' : `, ${reason}`;
  const lines = message?.trim();
  return lines
    ? `It ended with ${how}${why}. Last lines of its log:\n${lines}`
    : `It ended with ${how}${why}.`;
}

/** Mounting is told by events alone, and only while the container waits to be made. */
function diagnoseVolumes(
  container: V1ContainerStatus | undefined,
  events: readonly PodEvent[],
): PodDiagnosis | undefined {
  if (container?.state?.running !== undefined) return undefined;
  const newest = newestEvent(events, ({ reason }) => VOLUME_EVENTS.has(reason) || reason === 'Pulled');
  // Once may pass by itself: the kubelet had not heard yet of what is mounted.
  if (newest === undefined || newest.reason === 'Pulled' || newest.count < 2) return undefined;
  const words = newest.message;
  const message = withAdvice(`A volume cannot be mounted (${newest.reason}): ${words}`, 'volume', words);
  return { state: 'stuck', trouble: 'volume', message };
}

/** What the kubelet said last of what it waits for. */
function waitingFor(
  container: V1ContainerStatus | undefined,
  events: readonly PodEvent[],
): { waitingFor?: string } {
  const isRunning = container?.state?.running !== undefined;
  const newest = newestEvent(events, ({ type, reason }) =>
    isRunning ? reason === 'Unhealthy' : type === 'Warning',
  );
  if (newest === undefined) return {};
  const { message } = newest;
  return { waitingFor: isRunning ? withAdvice(message.trim(), 'probe', message) : message };
}

/** Why the last pull failed: the container's state says only that it is tried again later. */
function pullWords(events: readonly PodEvent[]): string | undefined {
  const isTold = ({ reason, message }: PodEvent) => reason === 'Failed' && !message.startsWith('Error: ');
  return newestEvent(events, isTold)?.message;
}

function newestEvent(
  events: readonly PodEvent[],
  isWanted: (event: PodEvent) => boolean,
): PodEvent | undefined {
  return events
    .filter(isWanted)
    .toSorted((one, other) => timeOf(one) - timeOf(other))
    .at(-1);
}

function timeOf({ lastSeen }: PodEvent): number {
  return lastSeen?.getTime() ?? 0;
}

function conditionOf(
  pod: V1Pod,
  type: string,
): { status: string; reason?: string; message?: string } | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

function failed(trouble: PodTrouble, message: string, words: string): PodDiagnosis {
  return { state: 'failed', trouble, message: withAdvice(message, trouble, words) };
}

function withAdvice(message: string, trouble: PodTrouble, words: string): string {
  const sentence = /[.!?]$/.test(message.trimEnd()) ? message.trimEnd() : `${message.trimEnd()}.`;
  return `${sentence} ${adviceOf(trouble, words)}`;
}
