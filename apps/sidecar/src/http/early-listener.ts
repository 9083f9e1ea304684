import type { Server } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** Connections at a time, the waiting ones included. */
export const MAX_CONNECTIONS = 2048;
/** Several frames of output under way instead of a wait after each; as much is what a stalled reader can hold. */
export const STREAM_BUFFER_BYTES = 1024 * 1024;

export interface Address {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
}

/** Where a sidecar listens that is not told otherwise. */
export const DEFAULT_ADDRESS: Address = { host: '127.0.0.1', port: 8080 };

/** Where a sidecar is to listen. What is wrong with these settings is told when all of them are read. */
export function addressIn(environment: Readonly<NodeJS.ProcessEnv>): Address {
  const host = environment.SIDECAR_HOST?.trim() || DEFAULT_ADDRESS.host;
  const port = environment.SIDECAR_PORT?.trim() || DEFAULT_ADDRESS.port;
  return { host, port: Number(port) };
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

  /** @throws the system's error when the port cannot be had */
  static async listen({ host, port }: Address): Promise<EarlyListener> {
    const waiting = new Set<Socket>();
    // Sockets as an HTTP server makes them, which takes them over; nothing is read of them before.
    const server = createServer(
      { allowHalfOpen: true, noDelay: true, highWaterMark: STREAM_BUFFER_BYTES, pauseOnConnect: true },
      (socket) => {
        waiting.add(socket.on('error', () => {}).once('close', () => waiting.delete(socket)));
      },
    );
    server.maxConnections = MAX_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
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
