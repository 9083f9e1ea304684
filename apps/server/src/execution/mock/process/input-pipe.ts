/** Standard input of a simulated process: pieces in order, then an end. */
export class InputPipe implements AsyncIterable<Buffer> {
  readonly #pieces: Buffer[] = [];
  #isEnded = false;
  #wake = (): void => {};

  /** @param data all there will be; undefined for what is written later */
  constructor(data?: Buffer) {
    if (data === undefined) return;
    if (data.length > 0) this.#pieces.push(data);
    this.#isEnded = true;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  write(data: Buffer): void {
    if (data.length > 0) this.#pieces.push(data);
    this.#wake();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        yield piece;
        continue;
      }
      if (this.#isEnded) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
