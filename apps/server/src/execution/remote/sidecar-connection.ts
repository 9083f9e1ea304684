import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import axios, { type AxiosInstance } from 'axios';
import type { Logger } from 'pino';
import { Resilience, type ResilienceOptions } from './resilience.ts';

/** Where a sidecar is and what opens it. */
export interface SidecarAddress {
  /** Where it listens, such as `http://10.0.0.7:8080`. */
  readonly baseUrl: string;
  readonly token: string;
  /** Through which to connect; the ordinary way when there is none. */
  readonly agent?: Agent | undefined;
  /** Tells a sidecar from its successor: each has a circuit breaker of its own. */
  readonly identity?: string;
  /** Aborts when the sidecar is no more, so that nobody waits for its answer. */
  readonly gone?: AbortSignal;
}

/** Knows where a sidecar is that may move. */
export interface SidecarLocator {
  /** @throws ShadowError that says what became of it; UNAVAILABLE when it may come back by itself */
  locate(signal: AbortSignal | undefined): Promise<SidecarAddress>;
  /**
   * Why commands that ran after then were lost, for people.
   * @returns undefined when nobody knows
   */
  whyLost?(since: Date): Promise<string | undefined>;
}

export interface ConnectionOptions extends ResilienceOptions {
  log: Logger;
  /** Milliseconds that a call may take, and a stream until it begins; default 60,000. */
  timeoutMs?: number;
}

const MAX_SOCKETS = 256;

/** What is kept for one sidecar at one address: connections, and the breaker. */
export interface Connection {
  readonly address: SidecarAddress;
  readonly http: AxiosInstance;
  readonly resilience: Resilience;
  close(): void;
}

/** Opens nothing yet. @param resilience of the same sidecar at an earlier address */
export function makeConnection(
  options: ConnectionOptions,
  address: SidecarAddress,
  resilience: Resilience | undefined,
): Connection {
  const own = [
    new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
    new TlsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
  ] as const;
  const [httpAgent, httpsAgent] = address.agent === undefined ? own : [address.agent, own[1]];
  return {
    address,
    resilience: resilience ?? new Resilience(options.log, options),
    http: axios.create({
      baseURL: address.baseUrl,
      timeout: options.timeoutMs ?? 60_000,
      headers: { Authorization: `Bearer ${address.token}` },
      httpAgent,
      httpsAgent,
      // A workspace is never behind the person's web proxy, and its token must not be sent there.
      proxy: false,
      maxRedirects: 0,
      // -1: any other value, infinite ones too, puts a counting stream in the way of every byte.
      maxBodyLength: -1,
      maxContentLength: -1,
      decompress: false,
      validateStatus: () => true,
      transformRequest: (data: unknown) => data,
      transformResponse: (data: unknown) => data,
    }),
    close: () => {
      for (const agent of own) agent.destroy();
    },
  };
}

/** The connection to a sidecar wherever it is: looked up before the first call and again after one that failed. */
export class MovingConnection {
  readonly #locator: SidecarLocator;
  readonly #options: ConnectionOptions;
  #current: Connection | undefined;
  #isDoubtful = true;

  constructor(locator: SidecarLocator, options: ConnectionOptions) {
    this.#locator = locator;
    this.#options = options;
  }

  /** Of the sidecar as it was last known; before the first call, what a new one begins with. */
  get resilience(): Resilience {
    return this.#current?.resilience ?? new Resilience(this.#options.log, this.#options);
  }

  /** @throws ShadowError as the locator does */
  async get(signal: AbortSignal | undefined): Promise<Connection> {
    const known = this.#current;
    if (known !== undefined && !this.#isDoubtful && known.address.gone?.aborted !== true) return known;
    const address = await this.#locator.locate(signal);
    const latest = this.#current;
    if (latest !== undefined && isSame(latest.address, address)) {
      this.#isDoubtful = false;
      return latest;
    }
    const isSuccessor = latest?.address.identity !== address.identity;
    this.#current = makeConnection(this.#options, address, isSuccessor ? undefined : latest?.resilience);
    this.#isDoubtful = false;
    latest?.close();
    return this.#current;
  }

  /** As the locator says it. */
  async whyLost(since: Date): Promise<string | undefined> {
    return await this.#locator.whyLost?.(since);
  }

  /** A call over it failed in a way that a move would explain. */
  doubt(connection: Connection): void {
    if (connection === this.#current) this.#isDoubtful = true;
  }

  close(): void {
    this.#current?.close();
  }
}

function isSame(one: SidecarAddress, other: SidecarAddress): boolean {
  return (
    one.baseUrl === other.baseUrl &&
    one.token === other.token &&
    one.agent === other.agent &&
    one.identity === other.identity &&
    one.gone?.aborted !== true
  );
}
