import type { V1ConfigMap } from '@kubernetes/client-node';
import type { Cluster } from '../kubernetes/cluster.ts';
import { KubernetesError } from '../kubernetes/kubernetes-error.ts';
import { instanceLabels, LABEL } from '../workspaces/labels.ts';

/**
 * What is known of a warm workspace by its name alone. `pending`: its objects are to be made; `made`: its anchor was seen;
 * `removing`: it goes unless a task has taken it.
 */
export type SlotState = 'pending' | 'made' | 'removing';

/** Names of the warm workspaces, those to come and those to go included. */
export type Slots = ReadonlyMap<string, SlotState>;

/** The slots as one moment had them; a change is refused when that moment is over. */
export interface PoolMoment {
  readonly slots: Slots;
  readonly resourceVersion: string;
}

/**
 * The list of the pool's workspaces, one ConfigMap for all servers of an instance. Names are in it before their anchors are
 * made and until those are claimed or gone, and every change is compared and swapped: so its length bounds how many there
 * are, whoever refills.
 */
export class PoolList {
  readonly #cluster: Cluster;
  readonly #instance: string;
  readonly #name: string;

  constructor(cluster: Cluster, instance: string) {
    this.#cluster = cluster;
    this.#instance = instance;
    this.#name = `shadow-pool-${instance}`;
  }

  /** The slots as the cluster has them now; undefined when no pool was ever kept. */
  async read(signal: AbortSignal): Promise<PoolMoment | undefined> {
    const found = await this.#cluster.api.configMaps.get(this.#name, { signal });
    return found === undefined ? undefined : momentOf(found);
  }

  /** Makes the list unless it is there. @param names of warm workspaces that are there without one */
  async make(names: readonly string[], signal: AbortSignal): Promise<PoolMoment> {
    const labels = { ...instanceLabels(this.#instance), [LABEL.name]: 'shadow-pool' };
    const { object } = await this.#cluster.api.configMaps.ensure(
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: this.#name, labels },
        data: Object.fromEntries(names.map((name) => [name, 'made'])),
      },
      { signal },
    );
    return momentOf(object);
  }

  /** @returns false when another server changed the list first */
  async swap(before: PoolMoment, after: Slots, signal: AbortSignal): Promise<boolean> {
    const dropped = [...before.slots.keys()].filter((name) => !after.has(name));
    const data = { ...Object.fromEntries(dropped.map((name) => [name, null])), ...Object.fromEntries(after) };
    const { resourceVersion } = before;
    try {
      await this.#cluster.api.configMaps.patch(
        this.#name,
        { metadata: { resourceVersion }, data },
        { signal },
      );
      return true;
    } catch (error) {
      if (error instanceof KubernetesError && REFUSED.has(error.reason)) return false;
      throw error;
    }
  }
}

/** Reasons of a change that was not made because somebody was first. */
const REFUSED: ReadonlySet<string> = new Set(['Conflict', 'NotFound']);

function momentOf({ data, metadata }: V1ConfigMap): PoolMoment {
  const slots = Object.entries(data ?? {}).map(([name, state]) => [name, stateOf(state)] as const);
  return { slots: new Map(slots), resourceVersion: metadata?.resourceVersion ?? '' };
}

/** What another version may have written is taken for made: the next look sees what there is. */
function stateOf(text: string): SlotState {
  return text === 'pending' || text === 'removing' ? text : 'made';
}
