import type { CoreV1Event, V1Pod } from '@kubernetes/client-node';
import type { PodDiagnosis } from './pod-diagnosis.ts';

/** A readiness probe that fails a few times is how every start looks. */
const USUAL_PROBE_FAILURES = 15;

/** Tells the person who waits what the cluster says of a pod's start, each thing once. */
export class PodProgress {
  readonly #log: (line: string) => void;
  readonly #said = new Set<string>();

  /** @param log takes one line */
  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  tell(pod: V1Pod, events: readonly CoreV1Event[], diagnosis: PodDiagnosis): void {
    const node = pod.spec?.nodeName;
    if (node !== undefined) this.#say(`Scheduled on ${node}.`);
    for (const event of events.toSorted((one, other) => firstTime(one) - firstTime(other))) {
      const line = lineOf(event);
      if (line !== undefined) this.#say(line);
    }
    if (diagnosis.state === 'stuck') this.#say(diagnosis.message);
  }

  #say(line: string): void {
    if (this.#said.has(line)) return;
    this.#said.add(line);
    this.#log(line);
  }
}

/** An event in the kubelet's words; undefined when the pod itself says the same, or when it is how every start looks. */
function lineOf({ type, reason, message, count }: CoreV1Event): string | undefined {
  if (message === undefined || reason === 'Scheduled' || reason === 'FailedScheduling') return undefined;
  if (reason === 'Unhealthy' && (count ?? 1) < USUAL_PROBE_FAILURES) return undefined;
  return type === 'Warning' ? `${reason}: ${message}` : `${message.replace(/\.$/, '')}.`;
}

function firstTime({ firstTimestamp, eventTime, metadata }: CoreV1Event): number {
  return new Date(firstTimestamp ?? eventTime ?? metadata.creationTimestamp ?? 0).getTime();
}
