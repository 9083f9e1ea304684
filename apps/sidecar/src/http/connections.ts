import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * The connections of a server, and which of them carry a call. Node itself takes one that was opened and never used for
 * busy, and lets one whose call ended during the shutdown stay as long as its client likes.
 */
export class Connections {
  readonly #server: Server;
  /** Calls under way, by connection. */
  readonly #calls = new Map<Socket, number>();
  readonly #gone = Promise.withResolvers<void>();
  #isClosing = false;

  /** @param server one that has no connection yet */
  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#calls.set(socket, 0);
      socket.once('close', () => {
        this.#calls.delete(socket);
        this.#checkGone();
      });
    });
    server.on('request', ({ socket }, response) => {
      this.#count(socket, 1);
      response.once('close', () => this.#count(socket, -1));
    });
    // One that became something else ends as that does.
    server.on('upgrade', ({ socket }) => this.#count(socket, 1));
  }

  /** Takes no new ones, and resolves when all are gone: each as soon as its calls are answered, or after the time to drain. */
  async close(drainMs: number): Promise<void> {
    this.#isClosing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#calls.keys()) this.#count(socket, 0);
    const timer = setTimeout(() => this.#server.closeAllConnections(), drainMs);
    this.#checkGone();
    // A server waits for those alone that it accepted itself, and the first ones were accepted before it was there.
    await Promise.all([closed, this.#gone.promise]);
    clearTimeout(timer);
  }

  #checkGone(): void {
    if (this.#isClosing && this.#calls.size === 0) this.#gone.resolve();
  }

  #count(socket: Socket, change: number): void {
    const calls = (this.#calls.get(socket) ?? 0) + change;
    if (this.#calls.has(socket)) this.#calls.set(socket, calls);
    if (this.#isClosing && calls === 0) socket.destroySoon();
  }
}
