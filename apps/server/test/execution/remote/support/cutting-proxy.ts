import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Decides after how many bytes towards the client a connection is cut; undefined for never. */
export type CutPlan = (connection: number) => number | undefined;

/** A way to the sidecar that drops connections, in the middle of whatever they carry. */
export class CuttingProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  plan: CutPlan = () => undefined;
  /** Connections cut so far. */
  cuts = 0;
  #connections = 0;

  private constructor(target: number) {
    this.#server = createServer((client) => this.#join(client, connect(target, '127.0.0.1')));
  }

  static async start(target: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Cuts everything that is open now. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, sidecar: Socket): void {
    let left = this.plan(this.#connections++) ?? Number.POSITIVE_INFINITY;
    for (const [socket, other] of [
      [client, sidecar],
      [sidecar, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    client.on('data', (data) => forward(client, sidecar, data));
    sidecar.on('data', (data) => {
      if (data.length < left) {
        left -= data.length;
        forward(sidecar, client, data);
        return;
      }
      this.cuts += 1;
      // What comes before the cut arrives: the cut is in the middle of a frame, not before it.
      client.end(data.subarray(0, left));
      sidecar.resetAndDestroy();
    });
  }
}

function forward(from: Socket, to: Socket, data: Buffer): void {
  if (to.write(data)) return;
  from.pause();
  to.once('drain', () => from.resume());
}
