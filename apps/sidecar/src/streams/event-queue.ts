/** Events held for a reader that is slower than they come; older ones are left out. */
const MAX_HELD = 256;

/** Events from callbacks, read one after the other until the last. */
export class EventQueue<Item> implements AsyncIterable<Item> {
  readonly #held: Item[] = [];
  #isEnded = false;
  #wake = () => {};

  push(item: Item): void {
    this.#held.push(item);
    if (this.#held.length > MAX_HELD) this.#held.shift();
    this.#wake();
  }

  /** @param item the last one */
  end(item: Item): void {
    this.push(item);
    this.#isEnded = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    for (;;) {
      const item = this.#held.shift();
      if (item !== undefined) yield item;
      else if (this.#isEnded) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }
}
