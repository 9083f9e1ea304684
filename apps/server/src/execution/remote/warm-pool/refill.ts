import type { V1ConfigMap } from '@kubernetes/client-node';
import { toShadowError } from '@shadow/protocol';
import type { Logger } from 'pino';
import type { Cluster } from '../kubernetes/cluster.ts';
import { KubernetesError } from '../kubernetes/kubernetes-error.ts';
import { instanceLabels, LABEL, selector } from '../workspaces/labels.ts';
import type { WorkspaceSettings } from '../workspaces/workspace-settings.ts';
import { isReady, workspaceOf } from '../workspaces/workspace-state.ts';
import { makeWarm, newWarmName } from './make-warm.ts';
import { areSame, planSlots, type SlotFact } from './plan-slots.ts';
import { PodTroubles } from './pod-troubles.ts';
import { PoolList, type PoolMoment, type Slots } from './pool-list.ts';
import { TEMPLATE_ANNOTATION } from './template.ts';

/** Milliseconds after which a name whose anchor nobody made is taken for one whose server died. */
const ABANDONED_MS = 5000;
/** Tries of a change that other servers are first with; the next look tries again. */
const SWAPS = 10;

export interface RefillOptions {
  cluster: Cluster;
  settings: WorkspaceSettings;
  /** Warm workspaces wanted. */
  size: number;
  /** Hash of what warm pods are made from now. */
  template: string;
  log: Logger;
}

/** Brings the pool to the wanted number of fit workspaces: one look at it, and what follows from that. */
export class Refill {
  readonly #options: RefillOptions;
  readonly #list: PoolList;
  readonly #troubles: PodTroubles;
  /** When this server first saw a name without an anchor, by `performance.now()`. */
  readonly #pendingSince = new Map<string, number>();

  constructor(options: RefillOptions) {
    this.#options = options;
    this.#list = new PoolList(options.cluster, options.settings.instance);
    this.#troubles = new PodTroubles(options.log);
  }

  /** Milliseconds after which to look again, though nothing happens; undefined when there is no need. */
  get retryInMs(): number | undefined {
    return this.#pendingSince.size > 0 ? ABANDONED_MS : this.#troubles.retryInMs;
  }

  /** @throws KubernetesError when the cluster does not answer */
  async run(signal: AbortSignal): Promise<void> {
    const { anchors, pods } = this.#options.cluster;
    await Promise.all([anchors.synced(signal), pods.synced(signal)]);
    const settled = await this.#settle(signal);
    if (settled === undefined) return;
    const { slots, mine } = settled;
    for (const [name, state] of slots) {
      signal.throwIfAborted();
      if (state === 'removing') await this.#remove(name, signal);
      else if (this.#isIncomplete(name) && (mine.has(name) || this.#isAbandoned(name)))
        await this.#make(name, signal);
    }
    for (const name of this.#pendingSince.keys()) if (!slots.has(name)) this.#pendingSince.delete(name);
  }

  /** Compares and swaps until the list is as it should be. @returns it, and the names that this server added */
  async #settle(signal: AbortSignal): Promise<{ slots: Slots; mine: ReadonlySet<string> } | undefined> {
    for (let attempt = 0; attempt < SWAPS; attempt += 1) {
      // Looked at before the list is read: a name is there before its anchor, so what is not in the list has no right to be.
      const seen = this.#options.cluster.anchors.list().filter(isWarm);
      const moment = (await this.#list.read(signal)) ?? (await this.#found(signal));
      if (moment === undefined) return undefined;
      for (const anchor of seen) {
        if (!moment.slots.has(anchor.metadata?.name ?? '')) await this.#removeAnchor(anchor, signal);
      }
      const facts = await this.#facts(moment.slots, signal);
      const fact = (name: string): SlotFact => facts.get(name) ?? 'missing';
      const planned = planSlots(moment.slots, fact, this.#options.size, newWarmName);
      const mine = new Set([...planned.keys()].filter((name) => !moment.slots.has(name)));
      if (areSame(moment.slots, planned)) return { slots: planned, mine };
      if (await this.#list.swap(moment, planned, signal)) return { slots: planned, mine };
    }
    return undefined;
  }

  /** Without a list there is none to keep, unless somebody deleted it: what is warm is then taken over. */
  async #found(signal: AbortSignal): Promise<PoolMoment | undefined> {
    const { cluster, settings, size } = this.#options;
    const labels = { ...instanceLabels(settings.instance), [LABEL.state]: 'warm' };
    const warm = await cluster.api.configMaps.list({ labelSelector: selector(labels) }, { signal });
    if (size === 0 && warm.length === 0) return undefined;
    return await this.#list.make(
      warm.map(({ metadata }) => metadata?.name ?? ''),
      signal,
    );
  }

  async #facts(slots: Slots, signal: AbortSignal): Promise<Map<string, SlotFact>> {
    const { anchors, api } = this.#options.cluster;
    const facts = new Map<string, SlotFact>();
    for (const [name, state] of slots) {
      // What another server saw may not be seen here yet: nothing is dropped for that.
      const anchor =
        anchors.get(name) ?? (state === 'pending' ? undefined : await api.configMaps.get(name, { signal }));
      facts.set(name, anchor === undefined ? 'missing' : this.#factOf(name, anchor));
    }
    return facts;
  }

  #factOf(name: string, anchor: V1ConfigMap): SlotFact {
    if (workspaceOf(anchor).state === 'claimed') return 'claimed';
    if (workspaceOf(anchor).isGoing) return 'going';
    const pod = this.#options.cluster.pods.get(name);
    const isOutdated = anchor.metadata?.annotations?.[TEMPLATE_ANNOTATION] !== this.#options.template;
    return { isReady: isReady(pod), isUnfit: isOutdated || this.#troubles.shouldReplace(name, pod) };
  }

  #isIncomplete(name: string): boolean {
    const { anchors, pods } = this.#options.cluster;
    const anchor = anchors.get(name);
    if (anchor !== undefined && (!isWarm(anchor) || workspaceOf(anchor).isGoing)) return false;
    // The pod is made last: where it is, the rest is.
    if (anchor !== undefined && pods.get(name) !== undefined) {
      this.#pendingSince.delete(name);
      return false;
    }
    return true;
  }

  /** Whether nobody seems to make it any more. */
  #isAbandoned(name: string): boolean {
    const now = performance.now();
    const since = this.#pendingSince.get(name) ?? now;
    this.#pendingSince.set(name, since);
    return now - since >= ABANDONED_MS;
  }

  async #make(name: string, signal: AbortSignal): Promise<void> {
    const { cluster, settings } = this.#options;
    if (this.#troubles.isWaiting) {
      this.#pendingSince.set(name, this.#pendingSince.get(name) ?? performance.now());
      return;
    }
    try {
      await makeWarm(cluster, settings, name, { signal, log: () => undefined });
      this.#pendingSince.delete(name);
      this.#troubles.couldMake();
    } catch (error) {
      if (signal.aborted) throw error;
      this.#pendingSince.set(name, this.#pendingSince.get(name) ?? performance.now());
      this.#troubles.couldNotMake(name, toShadowError(error).message);
    }
  }

  async #remove(name: string, signal: AbortSignal): Promise<void> {
    const anchor = await this.#options.cluster.api.configMaps.get(name, { signal });
    if (anchor !== undefined && isWarm(anchor)) await this.#removeAnchor(anchor, signal);
  }

  /** Deletes a workspace that no task has: a claim in between makes the API server refuse. */
  async #removeAnchor({ metadata = {} }: V1ConfigMap, signal: AbortSignal): Promise<void> {
    const { name = '', uid, resourceVersion, deletionTimestamp } = metadata;
    if (uid === undefined || resourceVersion === undefined || deletionTimestamp !== undefined) return;
    try {
      await this.#options.cluster.api.configMaps.delete(name, { uid, resourceVersion, signal });
    } catch (error) {
      if (!(error instanceof KubernetesError && error.reason === 'Conflict')) throw error;
    }
  }
}

function isWarm({ metadata }: V1ConfigMap): boolean {
  return metadata?.labels?.[LABEL.state] === 'warm';
}
