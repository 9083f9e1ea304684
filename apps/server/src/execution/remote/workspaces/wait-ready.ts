import type { V1Pod } from '@kubernetes/client-node';
import { ShadowError } from '@shadow/protocol';
import type { StepProgress } from '../../interfaces/workspace-manager.ts';
import type { Cluster, PodEvent } from '../kubernetes/cluster.ts';
import { diagnosePod, type PodDiagnosis } from './pod-diagnosis.ts';
import { PodProgress } from './pod-progress.ts';
import { mayAnswer, runOf } from './sidecar-answers.ts';
import type { PodTrouble } from './start-advice.ts';

export interface PatienceOptions {
  /** Milliseconds until the sidecar must be ready. */
  startTimeoutMs: number;
  /** Milliseconds for which a pod may be in trouble that can pass by itself. */
  unschedulableGraceMs: number;
  /** Resolves when its sidecar has answered. */
  ask(signal: AbortSignal): Promise<void>;
}

/**
 * WAIT_SIDECAR_READY: waits by watch until a pod is ready, telling what the cluster says of it. Once its container runs the
 * sidecar itself is asked, too.
 * @returns the pod that is ready
 * @throws ShadowError POD_FAILED in the cluster's words when it does not come up, CANCELLED
 */
export async function waitUntilReady(
  cluster: Cluster,
  name: string,
  patience: PatienceOptions,
  progress: StepProgress,
): Promise<V1Pod> {
  const signals = AbortSignal.any([progress.signal, AbortSignal.timeout(patience.startTimeoutMs)]);
  const start = new PodStart(cluster, patience, progress);
  try {
    const appeared = await cluster.pods.waitFor(name, (pod) => pod?.metadata?.uid, { signal: signals });
    return await start.ready(name, appeared, signals);
  } catch (error) {
    if (!signals.aborted || progress.signal.aborted) throw error;
    throw podFailed('timeout', start.timeoutMessage(name), undefined);
  }
}

/** Follows one pod from its creation until it is ready or has failed. */
class PodStart {
  readonly #cluster: Cluster;
  readonly #patience: PatienceOptions;
  readonly #progress: PodProgress;
  readonly #events: PodEvent[] = [];
  #diagnosis: PodDiagnosis = { state: 'starting' };
  #grace: NodeJS.Timeout | undefined;
  /** The container that was asked last, and whether it answered. */
  #asked: { run: string; answers: boolean } | undefined;

  constructor(cluster: Cluster, patience: PatienceOptions, progress: StepProgress) {
    this.#cluster = cluster;
    this.#patience = patience;
    this.#progress = new PodProgress((line) => progress.log(line));
  }

  /** @throws whatever ends the waiting */
  async ready(name: string, uid: string, signal: AbortSignal): Promise<V1Pod> {
    const ending = new AbortController();
    const either = AbortSignal.any([signal, ending.signal]);
    let reassess = (): void => {};
    const outcome = new Promise<V1Pod>((resolve, reject) => {
      reassess = () => {
        try {
          const pod = this.#assess(name, uid, reassess);
          if (pod === undefined) return;
          if (this.#diagnosis.state === 'ready' || this.#answers(pod)) resolve(pod);
          else void this.#ask(pod, either, reassess);
        } catch (error) {
          reject(error);
        }
      };
    });
    const stop = this.#cluster.pods.onChange(({ object }) => {
      if (object.metadata?.name === name) reassess();
    });
    try {
      void this.#listen(uid, either, reassess);
      reassess();
      return await Promise.race([outcome, aborted(either)]);
    } finally {
      outcome.catch(() => undefined);
      stop();
      ending.abort();
      clearTimeout(this.#grace);
    }
  }

  /** What a start that took too long was at. */
  timeoutMessage(name: string): string {
    const seconds = Math.round(this.#patience.startTimeoutMs / 1000);
    const diagnosis = this.#diagnosis;
    const last =
      'message' in diagnosis
        ? diagnosis.message
        : 'waitingFor' in diagnosis
          ? diagnosis.waitingFor
          : this.#events.at(-1)?.message;
    const words = last === undefined ? 'The cluster said nothing about it.' : `Last it was at: ${last}`;
    return `The pod ${name} was not ready within ${seconds} s (REMOTE_START_TIMEOUT_MS). ${words}`;
  }

  /** @returns the pod once it is ready, or its sidecar may be asked; undefined to go on waiting */
  #assess(name: string, uid: string, reassess: () => void): V1Pod | undefined {
    const pod = this.#cluster.pods.get(name);
    if (pod?.metadata?.uid !== uid) throw deleted(name, undefined);
    const diagnosis = diagnosePod(pod, this.#events);
    this.#diagnosis = diagnosis;
    this.#progress.tell(pod, this.#events, diagnosis);
    if (diagnosis.state === 'ready') return pod;
    if (diagnosis.state === 'going') throw deleted(name, uid);
    if (diagnosis.state === 'failed') throw podFailed(diagnosis.trouble, diagnosis.message, uid);
    if (diagnosis.state === 'starting') {
      clearTimeout(this.#grace);
      this.#grace = undefined;
      const hasStarted = this.#events.some(({ reason }) => reason === 'Started');
      return mayAnswer(pod, hasStarted) ? pod : undefined;
    }
    this.#grace ??= setTimeout(() => this.#giveUp(reassess), this.#patience.unschedulableGraceMs);
    if (this.#isGraceOver) throw podFailed(diagnosis.trouble, diagnosis.message, uid);
    return undefined;
  }

  #answers(pod: V1Pod): boolean {
    return this.#asked?.answers === true && this.#asked.run === runOf(pod);
  }

  /** Asks the sidecar of a container, once for each container that the pod has. */
  async #ask(pod: V1Pod, signal: AbortSignal, reassess: () => void): Promise<void> {
    const run = runOf(pod);
    if (this.#asked?.run === run) return;
    const asked = { run, answers: false };
    this.#asked = asked;
    try {
      await this.#patience.ask(signal);
      asked.answers = true;
      reassess();
    } catch {
      // The waiting is over, or the kubelet's word is waited for: the pod's state tells.
    }
  }

  #isGraceOver = false;

  #giveUp(reassess: () => void): void {
    this.#isGraceOver = true;
    reassess();
  }

  /** Gathers what is said of the pod. Without it the pod's own state still tells most. */
  async #listen(uid: string, signal: AbortSignal, reassess: () => void): Promise<void> {
    try {
      for await (const event of this.#cluster.podEvents(uid, { signal })) {
        this.#events.push(event);
        reassess();
      }
    } catch {
      // The right to read events may be missing, or the signal ended it: the waiting itself goes on by the pod's state.
    }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = () => reject(new ShadowError('CANCELLED', 'The call was cancelled.'));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

function deleted(name: string, uid: string | undefined): ShadowError {
  return podFailed('deleted', `The pod ${name} was deleted while it started. Try again for a new one.`, uid);
}

/** @param uid of the pod, which another attempt must not wait for again */
function podFailed(
  trouble: PodTrouble | 'deleted' | 'timeout',
  message: string,
  uid: string | undefined,
): ShadowError {
  return new ShadowError('POD_FAILED', message, {
    details: { trouble, ...(uid === undefined ? {} : { podUid: uid }) },
  });
}
