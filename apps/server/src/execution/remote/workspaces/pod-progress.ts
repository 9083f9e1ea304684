import type { V1Pod } from '@kubernetes/client-node';
import type { PodEvent } from '../kubernetes/cluster.ts';
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

  tell(pod: V1Pod, events: readonly PodEvent[], diagnosis: PodDiagnosis): void {
    const node = pod.spec?.nodeName;
    if (node !== undefined) this.#say(`Scheduled on ${node}.`);
    for (const event of events) {
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
function lineOf({ type, reason, message, count }: PodEvent): string | undefined {
  if (reason === 'Scheduled' || reason === 'FailedScheduling') return undefined;
  if (reason === 'Unhealthy' && count < USUAL_PROBE_FAILURES) return undefined;
  return type === 'Warning' ? `${reason}: ${message}` : `${message.replace(/\.$/, '')}.`;
}
