import { Ack, type ClientToServer, ErrorBody, OperationError } from '@shadow/protocol';
import { io, type Socket } from 'socket.io-client';
import * as z from 'zod';
import { parseBaseUrl } from '../base-url.ts';
import type { FeedChannel } from './feed.ts';
import type { ConnectionState, Unfollow } from './follow.ts';
import { guard } from './followers.ts';

/** A command and what it says. */
type Command = {
  [Name in keyof ClientToServer]: [name: Name, command: Parameters<ClientToServer[Name]>[0]];
}[keyof ClientToServer];

/** Milliseconds that the server has to acknowledge a command. */
const ACK_TIMEOUT_MS = 15_000;
/** Milliseconds until another try after the server itself turned the socket away. */
const REJECTED_RETRY_MS = 2000;

/** What a server's refusal of the handshake carries: `data` is the error, bare or as an error body. */
const Refusal = z.object({ data: z.union([ErrorBody.transform(({ error }) => error), OperationError]) });

/** The socket with its state. socket.io reconnects by itself; only what it gives up on is handled here. */
export class Connection {
  readonly #socket: Socket;
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  #state: ConnectionState = 'connecting';
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(options: { baseUrl: string; apiKey?: string | undefined }) {
    const { origin, basePath } = parseBaseUrl(options.baseUrl);
    const settings = {
      path: `${basePath}/socket.io`,
      // WebSocket first saves a round trip; polling is for proxies that refuse upgrades.
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      reconnectionDelay: 250,
      reconnectionDelayMax: 5000,
      withCredentials: true,
      // Each client has its own connection, so that closing one never ends another's.
      forceNew: true,
      ...(options.apiKey === undefined ? {} : { auth: { apiKey: options.apiKey } }),
    };
    this.#socket = origin === undefined ? io(settings) : io(origin, settings);
    this.#socket.on('connect', () => this.#setState('connected'));
    this.#socket.on('disconnect', () => this.#lost());
    this.#socket.on('connect_error', (error) => this.#refused(error));
  }

  get state(): ConnectionState {
    return this.#state;
  }

  onStateChange(listener: (state: ConnectionState) => void): Unfollow {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onConnected(listener: () => void): void {
    this.#socket.on('connect', listener);
  }

  onDisconnected(listener: () => void): void {
    this.#socket.on('disconnect', listener);
  }

  /** Hears a message of the server; what does not parse is dropped. */
  on<Schema extends z.ZodType>(
    name: string,
    schema: Schema,
    listener: (message: z.output<Schema>) => void,
  ): void {
    this.#socket.on(name, (message: unknown) => {
      const parsed = schema.safeParse(message);
      if (parsed.success) listener(parsed.data);
    });
  }

  /** The channel of one feed, given how to ask from a position and how to end it. */
  channel(ask: (position: number) => Command, end: Command): FeedChannel {
    return {
      isConnected: () => this.#socket.connected,
      subscribe: async (position) => {
        const [name, command] = ask(position);
        const answer: unknown = await this.#socket.timeout(ACK_TIMEOUT_MS).emitWithAck(name, command);
        return Ack.parse(answer);
      },
      unsubscribe: () => {
        // The acknowledgement is of no use: a feed without followers ignores whatever still comes.
        this.#socket.emit(end[0], end[1], () => undefined);
      },
      onUnauthenticated: () => this.#unauthenticated(),
    };
  }

  reconnect(): void {
    if (this.#state === 'closed' || this.#socket.connected) return;
    clearTimeout(this.#retry);
    this.#setState('connecting');
    this.#socket.disconnect();
    this.#socket.connect();
  }

  close(): void {
    this.#setState('closed');
    clearTimeout(this.#retry);
    this.#socket.disconnect();
    this.#listeners.clear();
  }

  #lost(): void {
    if (this.#state === 'closed' || this.#state === 'unauthenticated') return;
    this.#setState('reconnecting');
    this.#reviveIfGivenUp();
  }

  #refused(error: Error): void {
    if (this.#state === 'closed') return;
    const refusal = Refusal.safeParse(error);
    if (refusal.success && refusal.data.data.code === 'UNAUTHENTICATED') {
      this.#unauthenticated();
      return;
    }
    if (this.#state === 'connected') this.#setState('reconnecting');
    this.#reviveIfGivenUp();
  }

  #unauthenticated(): void {
    if (this.#state === 'closed') return;
    this.#setState('unauthenticated');
    this.#socket.disconnect();
  }

  /** socket.io does not come back by itself after the server turned it away or hung up on it. */
  #reviveIfGivenUp(): void {
    if (this.#socket.active) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#socket.connect(), REJECTED_RETRY_MS);
  }

  #setState(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of [...this.#listeners]) guard(() => listener(state));
  }
}
