import { PersistentList } from './list.ts';
import type { TimelineItem } from './timeline-items.ts';

/**
 * The items of a task's chat, oldest first; immutable. Untouched items keep their identity between versions, so that
 * a row that compares by identity is not drawn again.
 */
export class Timeline implements Iterable<TimelineItem> {
  readonly #items: PersistentList<TimelineItem>;
  /** Shared by all versions and only a hint: what it says is checked against the items. */
  readonly #hints: Map<string, number>;

  private constructor(items: PersistentList<TimelineItem>, hints: Map<string, number>) {
    this.#items = items;
    this.#hints = hints;
  }

  static empty(): Timeline {
    return new Timeline(PersistentList.empty(), new Map());
  }

  get length(): number {
    return this.#items.length;
  }

  at(index: number): TimelineItem | undefined {
    return this.#items.at(index);
  }

  /** Index of the item with this id; -1 when there is none. */
  indexOf(id: string): number {
    const hint = this.#hints.get(id);
    if (hint === undefined) return -1;
    if (this.#items.at(hint)?.id === id) return hint;
    // Two lines of versions grew from one view and share the hints: look for it.
    for (let index = this.#items.length - 1; index >= 0; index -= 1) {
      if (this.#items.at(index)?.id === id) return index;
    }
    return -1;
  }

  append(item: TimelineItem): Timeline {
    this.#hints.set(item.id, this.#items.length);
    return new Timeline(this.#items.append(item), this.#hints);
  }

  replace(index: number, item: TimelineItem): Timeline {
    return new Timeline(this.#items.replace(index, item), this.#hints);
  }

  [Symbol.iterator](): Iterator<TimelineItem> {
    return this.#items[Symbol.iterator]();
  }
}
