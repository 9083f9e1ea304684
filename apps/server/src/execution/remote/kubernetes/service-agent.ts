import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ConnectingAgent } from './connecting-agent.ts';

/** Milliseconds that the first address has to connect before the second is tried beside it. */
const HEAD_START_MS = 200;
/** Milliseconds of quiet after which TCP asks whether the pod is still there. */
const PROBE_MS = 15_000;
/** Milliseconds until neither is worth waiting for. */
const CONNECT_MS = 10_000;

/** Where a sidecar is: the address to prefer, and another that leads there too; none while nobody knows one. */
export type Addresses = readonly [first?: string, second?: string];

/** Connections to a sidecar that has two addresses; the second is taken where the first does not connect. */
export class ServiceAgent extends ConnectingAgent {
  readonly #port: number;
  readonly #addresses: () => Addresses;
  readonly #forward: () => Promise<Duplex>;
  readonly #forwarded = new WeakSet<Duplex>();

  /**
   * @param addresses asked before each connection
   * @param forward makes a connection that needs no address
   */
  constructor(port: number, addresses: () => Addresses, forward: () => Promise<Duplex> = noAddress) {
    super();
    this.#port = port;
    this.#addresses = addresses;
    this.#forward = forward;
  }

  /** Once there is an address, a connection over the API server serves the call that it has, and no other. */
  // Node's type leaves out what it returns: https://nodejs.org/api/http.html#agentkeepsocketalivesocket
  override keepSocketAlive(socket: Duplex): boolean {
    if (this.#forwarded.has(socket) && this.#addresses().length > 0) return false;
    return (super.keepSocketAlive as (kept: Duplex) => boolean).call(this, socket);
  }

  /**
   * Closes the connections over the API server that nobody uses: once there is an address, a call must not go by them. They
   * hang with a kubelet that stands still.
   */
  leaveForwards(): void {
    if (this.#addresses().length === 0) return;
    // Node's type says sockets of TCP; they are what createConnection gave.
    const idle = Object.values(this.freeSockets).flatMap((sockets): readonly Duplex[] => sockets ?? []);
    for (const socket of idle) if (this.#forwarded.has(socket)) socket.destroy();
  }

  override async connect(): Promise<Duplex> {
    const [first, second] = this.#addresses();
    if (first === undefined) {
      const socket = await this.#forward();
      this.#forwarded.add(socket);
      return socket;
    }
    const preferred = connected(first, this.#port);
    const early = await Promise.race([preferred.catch(() => undefined), headStart()]);
    if (early !== undefined || second === undefined) return await preferred;
    const other = connected(second, this.#port);
    const socket = await Promise.any([preferred, other]).catch(() => preferred);
    for (const way of [preferred, other]) {
      way.then(
        (late) => late !== socket && late.destroy(),
        () => {},
      );
    }
    return socket;
  }
}

function noAddress(): Promise<never> {
  const error = new Error('the sidecar has no address yet');
  return Promise.reject(Object.assign(error, { code: 'EADDRNOTAVAIL' }));
}

function headStart(): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, HEAD_START_MS, undefined));
}

/** A TCP connection that stands. @throws Error of the system, or ETIMEDOUT */
function connected(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: PROBE_MS });
    const timer = setTimeout(() => {
      const error = new Error(`${host}:${port} does not answer`);
      socket.destroy(Object.assign(error, { code: 'ETIMEDOUT' }));
    }, CONNECT_MS);
    const settle = () => {
      clearTimeout(timer);
      socket.off('error', failed).off('connect', settle);
      resolve(socket);
    };
    const failed = (error: Error) => {
      clearTimeout(timer);
      reject(error);
    };
    socket.once('connect', settle).once('error', failed);
  });
}
