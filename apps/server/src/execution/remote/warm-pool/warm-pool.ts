import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { V1ConfigMap } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import type { RemoteConfig } from '../../../config/remote-config.ts';
import type { StepProgress, WorkspaceResources, WorkspaceSpec } from '../../interfaces/workspace-manager.ts';
import type { Cluster } from '../kubernetes/cluster.ts';
import type { WarmWorkspaces } from '../workspaces/create-pod.ts';
import { findWorkspace } from '../workspaces/find-workspace.ts';
import { LABEL } from '../workspaces/labels.ts';
import { isReady } from '../workspaces/workspace-state.ts';
import {
  type Candidate,
  type ClaimParts,
  type ClaimReads,
  finishClaim,
  readForClaim,
  takeAnchor,
} from './claim-warm.ts';
import { isWarmName } from './make-warm.ts';
import { Refill } from './refill.ts';
import { TEMPLATE_ANNOTATION, templateHash } from './template.ts';

/** Milliseconds within which several changes lead to one look at the pool. */
const GATHER_MS = 200;
/** Milliseconds between two looks when nothing happens. */
const LOOK_EVERY_MS = 30_000;

export interface WarmPoolOptions {
  cluster: Cluster;
  config: Pick<RemoteConfig, 'workspaces' | 'warmPoolSize'>;
  log: Logger;
}

/**
 * Pods that are ready before a task comes. Every server of an instance keeps the same pool: what there is stands in the cluster,
 * a server remembers nothing that another one needs.
 */
export class WarmPool implements WarmWorkspaces {
  readonly #options: WarmPoolOptions;
  readonly #log: Logger;
  readonly #refill: Refill;
  readonly #template: string;
  readonly #closing = new AbortController();
  /** Candidates that a claim of this server is at: two of its tasks need not run into each other. */
  readonly #underWay = new Set<string>();
  /** Last writes of claims, by workspace. */
  readonly #marking = new Map<string, Promise<void>>();
  #stops: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  #isKept = false;

  constructor(options: WarmPoolOptions) {
    const { cluster, config } = options;
    this.#options = options;
    this.#log = options.log.child({ component: 'WARM_POOL' });
    this.#template = templateHash(config.workspaces);
    this.#refill = new Refill({
      cluster,
      settings: config.workspaces,
      size: config.warmPoolSize,
      template: this.#template,
      log: this.#log,
    });
  }

  /** Begins to keep the pool. A pool that was switched off is emptied. */
  start(): void {
    const { anchors, pods } = this.#options.cluster;
    this.#stops = [anchors, pods].map((watch) =>
      watch.onChange(({ type, object }) => {
        // The list itself is among the anchors: a person may have deleted it.
        if (type === 'removed' || isWarmName(object.metadata?.name ?? '')) this.#wakeIn(GATHER_MS);
      }),
    );
    this.#isKept = true;
    this.#wakeIn(0);
  }

  /** Ends after the look under way; what there is stays. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const stop of this.#stops) stop();
    clearTimeout(this.#timer);
    await Promise.all([this.#looking, ...this.#marking.values()]);
  }

  async takeWarm(spec: WorkspaceSpec, { signal, log }: StepProgress): Promise<{ name: string } | undefined> {
    const { cluster, config } = this.#options;
    await Promise.all([cluster.anchors.synced(signal), cluster.pods.synced(signal)]);
    const found = findWorkspace(cluster, config.workspaces.instance, spec.taskId, signal);
    // The one that is likely to be taken is read beside the question whether there is one already.
    const likely = this.#isUsual(spec.resources) ? this.#candidates()[0] : undefined;
    const reads = likely === undefined ? undefined : this.#read(likely.name, signal);
    const before = await found;
    const taken = before ?? (await this.#take(spec, likely, signal));
    if (taken === undefined || !isWarmName(taken.name)) return undefined;
    const { name } = taken;
    if (before !== undefined) log(`Going on with ${name} from the warm pool.`);
    const fit = reads !== undefined && name === likely?.name ? reads : this.#read(name, signal);
    await this.#finish(fit, name, spec.taskId, signal);
    if (before === undefined) this.#log.info({ taskId: spec.taskId, pod: name }, 'warm pod given to a task');
    this.#wakeIn(0);
    return { name };
  }

  get #parts(): ClaimParts {
    const { cluster, config } = this.#options;
    return { cluster, port: config.workspaces.port, log: this.#log };
  }

  #read(name: string, signal: AbortSignal): ClaimReads {
    return readForClaim(this.#parts, name, signal);
  }

  /** Nobody waits for the last write but who asks for the same workspace again, and the end. */
  async #finish(reads: ClaimReads, name: string, taskId: string, signal: AbortSignal): Promise<void> {
    await this.#marking.get(name);
    const { marked } = await finishClaim(this.#parts, reads, name, taskId, signal);
    const ended = marked.finally(() => {
      if (this.#marking.get(name) === ended) this.#marking.delete(name);
    });
    this.#marking.set(name, ended);
  }

  async #take(
    spec: WorkspaceSpec,
    likely: Candidate | undefined,
    signal: AbortSignal,
  ): Promise<Candidate | undefined> {
    if (!this.#isUsual(spec.resources)) return undefined;
    const others = this.#candidates().filter(({ name }) => name !== likely?.name);
    for (const candidate of likely === undefined ? others : [likely, ...others]) {
      if (this.#underWay.has(candidate.name)) continue;
      this.#underWay.add(candidate.name);
      try {
        if (await takeAnchor(this.#parts, candidate, spec.taskId, signal)) return candidate;
      } finally {
        this.#underWay.delete(candidate.name);
      }
    }
    return undefined;
  }

  /** Warm pods are made with the installation's own bounds. */
  #isUsual(resources: WorkspaceResources | undefined): boolean {
    const { limits } = this.#options.config.workspaces;
    const { cpu = limits.cpu, memory = limits.memory } = resources ?? {};
    return cpu === limits.cpu && memory === limits.memory;
  }

  /** Ready ones of today's template; from another one on for each claim, so that servers seldom want the same. */
  #candidates(): Candidate[] {
    const { anchors, pods } = this.#options.cluster;
    const fit = anchors.list().filter((anchor) => {
      const { name = '', labels, annotations, deletionTimestamp } = anchor.metadata ?? {};
      return (
        labels?.[LABEL.state] === 'warm' &&
        deletionTimestamp === undefined &&
        annotations?.[TEMPLATE_ANNOTATION] === this.#template &&
        isReady(pods.get(name))
      );
    });
    const first = fit.length === 0 ? 0 : randomInt(fit.length);
    return [...fit.slice(first), ...fit.slice(0, first)].map(candidateOf);
  }

  #wakeIn(ms: number): void {
    if (!this.#isKept || this.#closing.signal.aborted) return;
    if (this.#looking !== undefined) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), ms).unref();
  }

  #look(): void {
    const { signal } = this.#closing;
    this.#looking = this.#refill
      .run(signal)
      .catch((error: unknown) => {
        if (!signal.aborted) this.#log.warn({ err: error }, 'could not look after the warm pool');
      })
      // Servers that saw the same change look at different times.
      .then(() => delay(randomInt(50), undefined, { signal }).catch(() => undefined))
      .finally(() => {
        this.#looking = undefined;
        const next = this.#again
          ? GATHER_MS
          : Math.min(this.#refill.retryInMs ?? LOOK_EVERY_MS, LOOK_EVERY_MS);
        this.#again = false;
        this.#wakeIn(next);
      });
  }
}

function candidateOf({ metadata }: V1ConfigMap): Candidate {
  return { name: metadata?.name ?? '', resourceVersion: metadata?.resourceVersion ?? '' };
}
