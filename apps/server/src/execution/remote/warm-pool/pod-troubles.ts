import type { V1Pod } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import { diagnosePod } from '../workspaces/pod-diagnosis.ts';

const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 300_000;

/** Warm pods that do not come up: each reason is said once, and replacing them takes longer and longer until one comes up. */
export class PodTroubles {
  readonly #log: Logger;
  readonly #said = new Set<string>();
  #pauseMs = FIRST_PAUSE_MS;
  /** By `performance.now()`; nothing is replaced or made before. */
  #notBefore = 0;
  /** When the newest pod was made that failed, by the cluster's clock; a later one that is ready ends the trouble. */
  #failedPodAt = 0;
  /** Whether it was the API server that refused to make one. */
  #wasRefused = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Whether what failed was so short ago that nothing new is made yet. */
  get isWaiting(): boolean {
    return performance.now() < this.#notBefore;
  }

  /** Milliseconds until something may be made again; undefined when nothing failed. */
  get retryInMs(): number | undefined {
    const left = this.#notBefore - performance.now();
    return left > 0 ? left : undefined;
  }

  /** Whether a warm pod is to go now because it will not come up as it is. */
  shouldReplace(name: string, pod: V1Pod | undefined): boolean {
    if (pod === undefined) return false;
    const diagnosis = diagnosePod(pod, []);
    const madeAt = new Date(pod.metadata?.creationTimestamp ?? 0).getTime();
    if (diagnosis.state === 'ready' && this.#failedPodAt > 0 && madeAt > this.#failedPodAt) this.#isOver();
    if (diagnosis.state === 'stuck') this.#say(name, diagnosis.message);
    if (diagnosis.state !== 'failed') return false;
    this.#say(name, diagnosis.message);
    this.#failedPodAt = Math.max(this.#failedPodAt, madeAt);
    if (this.isWaiting) return false;
    this.#pause();
    return true;
  }

  /** The objects of a workspace could not be made. */
  couldNotMake(name: string, reason: string): void {
    this.#wasRefused = true;
    this.#say(name, reason);
    this.#pause();
  }

  /** The objects of a workspace were made. */
  couldMake(): void {
    if (this.#wasRefused) this.#isOver();
  }

  #isOver(): void {
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#failedPodAt = 0;
    this.#wasRefused = false;
    this.#said.clear();
  }

  #pause(): void {
    this.#notBefore = performance.now() + this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  #say(name: string, reason: string): void {
    const general = reason.replaceAll(name, '').replaceAll(/\d+/g, '').slice(0, 200);
    if (this.#said.has(general)) return;
    this.#said.add(general);
    this.#log.warn({ pod: name, reason }, 'a warm pod does not come up');
  }
}
