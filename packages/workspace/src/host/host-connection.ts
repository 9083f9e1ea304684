import { connect, type Socket } from 'node:net';
import { ShadowError } from '@shadow/protocol/errors';
import type { OutputFrame } from '@shadow/protocol/process';
import type { HeldFrame } from '../terminal/terminal-buffer.ts';
import { deferred } from './deferred.ts';
import {
  type CallParams,
  type CallResult,
  type ClientMessage,
  HOST_CALLS,
  type HostCall,
  HostMessage,
  PROTOCOL_VERSION,
} from './messages.ts';
import { encodeFrame, FrameDecoder } from './wire.ts';

const HANDSHAKE_MS = 5000;
/** Longer than TERM, grace and KILL take. */
const CALL_MS = 60_000;

type Welcome = Extract<HostMessage, { type: 'welcome' }>;

/** Frames of one reading, in order; `undefined` says that the connection was cut. */
export interface FrameSink {
  push(frame: OutputFrame | HeldFrame | undefined): void;
}

/** One connection to a host, greeted. Nothing is retried here: a cut rejects what was under way. */
export class HostConnection {
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder();
  readonly #calls = new Map<number, (result: unknown, error?: Error) => void>();
  readonly #readings = new Map<number, FrameSink>();
  readonly #greeted = deferred<Welcome>();
  #welcome: Welcome | undefined;
  #nextId = 1;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', (error) => this.#greeted.reject(error));
    socket.on('close', () => this.#cut());
  }

  /**
   * Connects and shakes hands; the caller compares versions.
   *
   * @throws the system's error when nobody listens, ShadowError UNAVAILABLE when nobody answers
   */
  static async open(socketPath: string): Promise<HostConnection> {
    const connection = new HostConnection(connect(socketPath));
    const timer = setTimeout(() => connection.#socket.destroy(), HANDSHAKE_MS);
    try {
      connection.send({ type: 'hello', version: PROTOCOL_VERSION });
      connection.#welcome = await connection.#greeted.promise;
      return connection;
    } finally {
      clearTimeout(timer);
    }
  }

  get welcome(): Welcome {
    if (this.#welcome === undefined) throw cutOff();
    return this.#welcome;
  }

  get isOpen(): boolean {
    return this.#socket.writable;
  }

  /** @throws WireError when the message is larger than the host accepts */
  send(message: ClientMessage): void {
    for (const piece of encodeFrame(message)) this.#socket.write(piece);
  }

  /** Sends what `work` sends in one write. */
  together<T>(work: () => T): T {
    this.#socket.cork();
    try {
      return work();
    } finally {
      this.#socket.uncork();
    }
  }

  /**
   * @throws ShadowError UNAVAILABLE when the connection is cut before the answer or none comes
   */
  async call<Call extends HostCall>(
    call: Call,
    params: CallParams<Call>,
    key: string | undefined,
  ): Promise<CallResult<Call>> {
    if (!this.isOpen) throw cutOff();
    const id = this.#nextId++;
    const answer = await new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => settle(undefined, cutOff()), CALL_MS);
      const settle = (result: unknown, error?: Error) => {
        clearTimeout(timer);
        this.#calls.delete(id);
        if (error === undefined) resolve(result);
        else reject(error);
      };
      this.#calls.set(id, settle);
      this.send({ type: 'call', id, call, params, ...(key === undefined ? {} : { key }) });
    });
    return HOST_CALLS[call].result.parse(answer) as CallResult<Call>;
  }

  /** Begins a reading; the sink gets its frames, then an `end` or `error` one, or `undefined` after a cut. */
  read(
    params: Extract<ClientMessage, { type: 'read' }>['params'],
    sink: FrameSink,
    handOver: boolean,
  ): number {
    const id = this.#nextId++;
    if (!this.isOpen) {
      sink.push(undefined);
      return id;
    }
    this.#readings.set(id, sink);
    this.send({ type: 'read', id, params, handOver });
    return id;
  }

  /** Lets the host send so many bytes more. */
  grant(id: number, bytes: number): void {
    if (this.isOpen && this.#readings.has(id)) this.send({ type: 'credit', id, bytes });
  }

  /** Ends a reading early. */
  stopReading(id: number): void {
    if (this.#readings.delete(id) && this.isOpen) this.send({ type: 'stop', id });
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    try {
      for (const { header, payload } of this.#decoder.push(chunk)) {
        this.#handle(HostMessage.parse(header), payload);
      }
    } catch {
      // Out of step with the host: a new connection resumes by offset.
      this.#socket.destroy();
    }
  }

  #handle(message: HostMessage, payload: Buffer): void {
    if (message.type === 'welcome') {
      this.#greeted.resolve(message);
      return;
    }
    if (message.type === 'result') {
      this.#calls.get(message.id)?.(message.result);
      return;
    }
    const { id, ...frame } = message;
    const sink = this.#readings.get(id);
    if (frame.type === 'end' || frame.type === 'error') this.#readings.delete(id);
    sink?.push(frame.type === 'data' ? { ...frame, data: payload } : frame);
  }

  #cut(): void {
    this.#greeted.reject(cutOff());
    for (const settle of [...this.#calls.values()]) settle(undefined, cutOff());
    for (const sink of this.#readings.values()) sink.push(undefined);
    this.#readings.clear();
  }
}

function cutOff(): ShadowError {
  return new ShadowError('UNAVAILABLE', 'The connection to the process host was cut.');
}
