import type { OutputFrame } from '@shadow/protocol/process';
import type { HostReadOutput } from '../process/process-host.ts';
import type { HeldFrame } from '../terminal/terminal-buffer.ts';
import type { FrameSink, HostConnection } from './host-connection.ts';
import { READ_WINDOW_BYTES } from './messages.ts';

/** Credit goes back in pieces of this size: a message per frame would be noise. */
const GRANT_BYTES = READ_WINDOW_BYTES / 4;

/**
 * Frames of one reading over one connection. Holds at most a window of them, since the host sends no more than was granted;
 * ends early, without an `end` frame, when the connection is cut or the signal aborts.
 */
export class FrameQueue implements FrameSink, AsyncIterable<OutputFrame | HeldFrame> {
  readonly #connection: HostConnection;
  readonly #signal: AbortSignal | undefined;
  readonly #id: number;
  readonly #frames: (OutputFrame | HeldFrame)[] = [];
  readonly #onAbort = () => this.push(undefined);
  #isOver = false;
  #wake: (() => void) | undefined;
  #taken = 0;

  /** @param options `handOver`: what is much comes as `held` frames, to be taken from the spill files */
  constructor(
    connection: HostConnection,
    request: HostReadOutput,
    { signal, handOver }: { signal: AbortSignal | undefined; handOver: boolean },
  ) {
    this.#connection = connection;
    this.#signal = signal;
    this.#id = connection.read(request, this, handOver);
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted === true) this.push(undefined);
  }

  push(frame: OutputFrame | HeldFrame | undefined): void {
    if (frame === undefined) this.#isOver = true;
    else this.#frames.push(frame);
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<OutputFrame | HeldFrame> {
    for (;;) {
      const batch = this.#frames.splice(0);
      for (const frame of batch) {
        if (this.#signal?.aborted === true) return;
        yield frame;
        this.#grantFor(frame);
      }
      if (this.#frames.length > 0) continue;
      if (this.#isOver) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Tells the host that nobody reads any more. */
  stop(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#connection.stopReading(this.#id);
  }

  #grantFor(frame: OutputFrame | HeldFrame): void {
    if (frame.type !== 'data' && frame.type !== 'held') return;
    this.#taken += frame.type === 'data' ? frame.data.length : frame.toOffset - frame.fromOffset;
    if (this.#taken < GRANT_BYTES) return;
    this.#connection.grant(this.#id, this.#taken);
    this.#taken = 0;
  }
}
