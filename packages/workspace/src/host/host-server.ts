import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { ClientSession } from './client-session.ts';
import type { InProcessHost } from './in-process-host.ts';

/** Serves a host on a Unix socket that only its owner may use. */
export class HostServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #socketPath: string;

  private constructor(host: InProcessHost, socketPath: string, onShutdown: () => void) {
    this.#socketPath = socketPath;
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      new ClientSession(socket, host, onShutdown);
    });
  }

  /**
   * Listens. The caller holds the host's lock, so that a socket file already there is a dead host's.
   *
   * @param onShutdown a client asks the host to end itself
   * @throws the system's error when it cannot listen there
   */
  static async listen(host: InProcessHost, socketPath: string, onShutdown: () => void): Promise<HostServer> {
    const server = new HostServer(host, socketPath, onShutdown);
    rmSync(socketPath, { force: true });
    // The socket must never be open to others, not even for a moment.
    const umask = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        server.#server.once('error', reject);
        server.#server.listen(socketPath, resolve);
      });
    } finally {
      process.umask(umask);
    }
    chmodSync(socketPath, 0o600);
    return server;
  }

  get clientCount(): number {
    return this.#sockets.size;
  }

  /** Stops listening and cuts every client off. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroySoon();
    await closed;
    rmSync(this.#socketPath, { force: true });
  }
}
