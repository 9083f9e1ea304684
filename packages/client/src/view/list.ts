const BITS = 5;
const WIDTH = 1 << BITS;
const MASK = WIDTH - 1;

type Leaf<T> = readonly T[];
type Branch<T> = readonly Node<T>[];
type Node<T> = Leaf<T> | Branch<T>;

/**
 * An immutable list: appending or replacing one element copies a path of at most 32 entries a level and shares the
 * rest, so that a long task costs the same per event as a short one.
 */
export class PersistentList<T> implements Iterable<T> {
  readonly length: number;
  readonly #root: Node<T>;
  /** Levels above the leaves. */
  readonly #depth: number;

  private constructor(length: number, root: Node<T>, depth: number) {
    this.length = length;
    this.#root = root;
    this.#depth = depth;
  }

  static empty<T>(): PersistentList<T> {
    return new PersistentList<T>(0, [], 0);
  }

  at(index: number): T | undefined {
    if (index < 0 || index >= this.length) return undefined;
    let node: Node<T> = this.#root;
    for (let level = this.#depth; level > 0; level -= 1) {
      node = (node as Branch<T>)[(index >> (level * BITS)) & MASK] ?? [];
    }
    return (node as Leaf<T>)[index & MASK];
  }

  append(value: T): PersistentList<T> {
    const full = this.length === WIDTH ** (this.#depth + 1);
    const depth = full ? this.#depth + 1 : this.#depth;
    const root = full ? [this.#root] : this.#root;
    return new PersistentList(this.length + 1, put(root, depth, this.length, value), depth);
  }

  /** @throws RangeError when there is no such element */
  replace(index: number, value: T): PersistentList<T> {
    if (index < 0 || index >= this.length) throw new RangeError(`no element ${index} of ${this.length}`);
    return new PersistentList(this.length, put(this.#root, this.#depth, index, value), this.#depth);
  }

  *[Symbol.iterator](): Iterator<T> {
    yield* leaves(this.#root, this.#depth);
  }
}

function put<T>(node: Node<T> | undefined, depth: number, index: number, value: T): Node<T> {
  const slot = (index >> (depth * BITS)) & MASK;
  if (depth === 0) {
    const leaf = [...((node ?? []) as Leaf<T>)];
    leaf[slot] = value;
    return leaf;
  }
  const branch = [...((node ?? []) as Branch<T>)];
  branch[slot] = put(branch[slot], depth - 1, index, value);
  return branch;
}

function* leaves<T>(node: Node<T>, depth: number): Generator<T> {
  if (depth === 0) {
    yield* node as Leaf<T>;
    return;
  }
  for (const child of node as Branch<T>) yield* leaves(child, depth - 1);
}
