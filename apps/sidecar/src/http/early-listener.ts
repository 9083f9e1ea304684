import type { Server } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { ShadowError } from '@shadow/protocol/errors';
import type { Config } from '../config.ts';

export interface EarlyListenerOptions extends Pick<Config, 'host' | 'port'> {
  /** Connections at a time, the waiting ones included. */
  maxConnections: number;
  /** Bytes that are sent to a connection ahead of its reader. */
  highWaterMark: number;
}

/**
 * Listens while the rest of the process is still loaded: whoever connects waits for the first answer, instead of asking again
 * and again at a time when the processor is needed for the start.
 */
export class EarlyListener {
  /** Where it listens. */
  readonly port: number;
  readonly #server: ReturnType<typeof createServer>;
  readonly #waiting: Set<Socket>;

  private constructor(server: ReturnType<typeof createServer>, waiting: Set<Socket>) {
    this.#server = server;
    this.#waiting = waiting;
    // A server that listens on a port has such an address.
    this.port = (server.address() as AddressInfo).port;
  }

  /** @throws ShadowError UNAVAILABLE when the port cannot be had */
  static async listen({ host, port, ...options }: EarlyListenerOptions): Promise<EarlyListener> {
    const waiting = new Set<Socket>();
    // Sockets as an HTTP server makes them, which takes them over; nothing is read of them before.
    const { highWaterMark } = options;
    const server = createServer(
      { allowHalfOpen: true, noDelay: true, highWaterMark, pauseOnConnect: true },
      (socket) => {
        waiting.add(socket.on('error', () => {}).once('close', () => waiting.delete(socket)));
      },
    );
    server.maxConnections = options.maxConnections;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) =>
        reject(
          new ShadowError('UNAVAILABLE', `Cannot listen on ${host}:${port}: ${cause.message}`, { cause }),
        ),
      );
      server.listen(port, host, resolve);
    });
    return new EarlyListener(server, waiting);
  }

  /** Gives the port and everybody who waits to a server; this listener is of no further use. */
  async handTo(server: Server): Promise<void> {
    await new Promise<void>((resolve) => server.listen(this.#server, resolve));
    for (const socket of this.#waiting) {
      server.emit('connection', socket);
      socket.resume();
    }
    this.#waiting.clear();
  }

  close(): void {
    for (const socket of this.#waiting) socket.destroy();
    this.#server.close();
  }
}
