import type { KubernetesObject } from '@kubernetes/client-node';
import type { ObjectChange } from './cluster.ts';

/** Objects that went away and are remembered, so that a late answer to an earlier write does not bring one back. */
const MAX_GONE = 2000;

/** The newest known version of each object, by name; what is older than known is passed over. */
export class ObjectCache<T extends KubernetesObject> {
  readonly #objects = new Map<string, T>();
  readonly #gone = new Set<string>();
  readonly #changed: (change: ObjectChange<T>) => void;

  /** @param changed is told each change after it was made */
  constructor(changed: (change: ObjectChange<T>) => void) {
    this.#changed = changed;
  }

  get(name: string): T | undefined {
    return this.#objects.get(name);
  }

  list(): T[] {
    return [...this.#objects.values()];
  }

  /** Takes an object as a watch or a write shows it. */
  put(object: T): void {
    const { name = '', uid = '' } = object.metadata ?? {};
    if (this.#gone.has(uid)) return;
    const known = this.#objects.get(name);
    if (known !== undefined && known.metadata?.uid === uid) {
      if (!isNewer(object, known)) return;
      this.#objects.set(name, object);
      this.#changed({ type: 'changed', object });
      return;
    }
    // Another object of the same name: its deletion was not seen, and it cannot be both.
    if (known !== undefined) this.remove(known);
    this.#objects.set(name, object);
    this.#changed({ type: 'added', object });
  }

  /** Takes an object away; another of that name stays. */
  remove(object: T): void {
    const { name = '', uid = '' } = object.metadata ?? {};
    this.#remember(uid);
    if (this.#objects.get(name)?.metadata?.uid !== uid) return;
    this.#objects.delete(name);
    this.#changed({ type: 'removed', object });
  }

  /**
   * Takes the list of everything there is.
   * @param resourceVersion of the list: what is known to be newer stays
   */
  replace(objects: readonly T[], resourceVersion: string): void {
    const uids = new Set(objects.map(({ metadata }) => metadata?.uid));
    for (const known of this.list()) {
      const isLater = compare(known.metadata?.resourceVersion, resourceVersion) > 0;
      if (!uids.has(known.metadata?.uid) && !isLater) this.remove(known);
    }
    for (const object of objects) this.put(object);
  }

  #remember(uid: string): void {
    this.#gone.add(uid);
    for (const oldest of this.#gone) {
      if (this.#gone.size <= MAX_GONE) break;
      this.#gone.delete(oldest);
    }
  }
}

function isNewer(object: KubernetesObject, known: KubernetesObject): boolean {
  return compare(object.metadata?.resourceVersion, known.metadata?.resourceVersion) > 0;
}

/** resourceVersions are numbers that grow: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions */
function compare(one = '', other = ''): number {
  return one.length - other.length || (one < other ? -1 : one > other ? 1 : 0);
}
