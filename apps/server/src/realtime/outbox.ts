import { once } from 'node:events';
import type { Socket as EngineSocket } from 'engine.io';

/**
 * How much waits to be sent to one client, counted at engine.io's own events: what is created is queued, what is
 * flushed is with the transport, what the transport has drained is gone.
 */
export class Outbox {
  readonly #connection: EngineSocket;
  readonly #onOverflow: () => void;
  readonly #maxBytes: number;
  #queued = 0;
  #inFlight = 0;

  /** @param onOverflow called once when more than `maxBytes` wait */
  constructor(connection: EngineSocket, maxBytes: number, onOverflow: () => void) {
    this.#connection = connection;
    this.#maxBytes = maxBytes;
    this.#onOverflow = onOverflow;
    connection.on('packetCreate', (packet: { data?: unknown }) => this.#created(byteLength(packet.data)));
    connection.on('flush', () => this.#flushed());
    this.#watchTransport();
    connection.on('upgrade', () => this.#watchTransport());
  }

  get bytes(): number {
    return this.#queued + this.#inFlight;
  }

  /** Resolves when at most so many bytes wait; rejects when the signal aborts. */
  async below(bytes: number, signal: AbortSignal): Promise<void> {
    while (this.bytes > bytes) await once(this.#connection, 'shadow:drained', { signal });
    signal.throwIfAborted();
  }

  #created(bytes: number): void {
    const before = this.bytes;
    this.#queued += bytes;
    if (before <= this.#maxBytes && this.bytes > this.#maxBytes) this.#onOverflow();
  }

  #flushed(): void {
    this.#inFlight += this.#queued;
    this.#queued = 0;
  }

  #watchTransport(): void {
    this.#connection.transport.on('drain', () => {
      this.#inFlight = 0;
      this.#connection.emit('shadow:drained');
    });
  }
}

function byteLength(data: unknown): number {
  if (typeof data === 'string') return Buffer.byteLength(data);
  return ArrayBuffer.isView(data) || data instanceof ArrayBuffer ? data.byteLength : 0;
}
