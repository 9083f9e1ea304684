import type { Socket } from 'node:net';
import type { OutputFrame } from '@shadow/protocol/process';
import type { ProcessHost } from '../process/process-host.ts';
import type { HeldFrame } from '../terminal/terminal-buffer.ts';
import type { InProcessHost } from './in-process-host.ts';
import {
  type CallParams,
  ClientMessage,
  HOST_CALLS,
  type HostCall,
  type HostMessage,
  PROTOCOL_VERSION,
  READ_WINDOW_BYTES,
} from './messages.ts';
import { encodeFrame, FrameDecoder } from './wire.ts';

const HELLO_MS = 5000;

interface Reading {
  abort: AbortController;
  /** Bytes that may still be sent before the reader says it took some. */
  credit: number;
  onCredit: (() => void) | undefined;
}

/** The host's side of one connection. Its end ends its readings, never a process. */
export class ClientSession {
  readonly #socket: Socket;
  readonly #host: InProcessHost;
  readonly #onShutdown: () => void;
  readonly #readings = new Map<number, Reading>();
  /** Starts under way, by process. */
  readonly #starts = new Map<string, Promise<void>>();
  readonly #decoder = new FrameDecoder();
  readonly #helloTimer: NodeJS.Timeout;
  #isGreeted = false;

  /** @param onShutdown the client asks the host to end itself */
  constructor(socket: Socket, host: InProcessHost, onShutdown: () => void) {
    this.#socket = socket;
    this.#host = host;
    this.#onShutdown = onShutdown;
    this.#helloTimer = setTimeout(() => socket.destroy(), HELLO_MS);
    socket.on('data', (chunk) => this.#receive(chunk));
    // Its `close` follows; there is nothing to tell anybody.
    socket.on('error', () => {});
    socket.on('close', () => this.#closed());
  }

  #receive(chunk: Buffer): void {
    try {
      for (const { header } of this.#decoder.push(chunk)) this.#handle(ClientMessage.parse(header));
    } catch {
      // Whoever does not speak the protocol is not our client.
      this.#socket.destroy();
    }
  }

  #handle(message: ClientMessage): void {
    if (message.type === 'shutdown') {
      this.#onShutdown();
      return;
    }
    if (message.type === 'hello') {
      this.#greet(message.version);
      return;
    }
    if (!this.#isGreeted) {
      this.#socket.destroy();
      return;
    }
    if (message.type === 'call') this.#call(message);
    else if (message.type === 'read') void this.#read(message);
    else if (message.type === 'credit') this.#addCredit(message.id, message.bytes);
    else this.#readings.get(message.id)?.abort.abort();
  }

  #greet(version: number): void {
    clearTimeout(this.#helloTimer);
    this.#isGreeted = version === PROTOCOL_VERSION;
    const { capabilities } = this.#host;
    this.#send({ type: 'welcome', version: PROTOCOL_VERSION, pid: process.pid, capabilities });
  }

  #call({ id, call, params, key }: Extract<ClientMessage, { type: 'call' }>): void {
    const valid = HOST_CALLS[call].params.safeParse(params);
    if (!valid.success) {
      this.#socket.destroy();
      return;
    }
    const answered = perform(
      this.#host,
      call,
      valid.data as CallParams<typeof call>,
      key === undefined ? {} : { key },
    ).then((result) => this.#send({ type: 'result', id, result }));
    if (call === 'startProcess') this.#remember(valid.data as CallParams<'startProcess'>, answered);
  }

  #remember({ processId }: CallParams<'startProcess'>, start: Promise<void>): void {
    this.#starts.set(processId, start);
    void start.then(() => {
      if (this.#starts.get(processId) === start) this.#starts.delete(processId);
    });
  }

  async #read({ id, params, handOver }: Extract<ClientMessage, { type: 'read' }>): Promise<void> {
    const reading: Reading = { abort: new AbortController(), credit: READ_WINDOW_BYTES, onCredit: undefined };
    this.#readings.set(id, reading);
    const { signal } = reading.abort;
    // Of one connection: a process whose start was asked for just before is there when its output is read.
    await this.#starts.get(params.processId);
    const source =
      handOver === true
        ? this.#host.handOverOutput(params, { signal })
        : this.#host.readOutput(params, { signal });
    const frames: AsyncIterator<OutputFrame | HeldFrame> = source[Symbol.asyncIterator]();
    try {
      for (;;) {
        // First the credit, then the frame: a slow reader is given what is held by then, not a stale queue.
        if (reading.credit <= 0) await creditOf(reading);
        const { done, value } = await frames.next();
        if (done === true || signal.aborted) return;
        if (value.type === 'data') reading.credit -= value.data.length;
        if (value.type === 'held') reading.credit -= value.toOffset - value.fromOffset;
        this.#sendFrame(id, value);
      }
    } finally {
      await frames.return?.();
      this.#readings.delete(id);
    }
  }

  #addCredit(id: number, bytes: number): void {
    const reading = this.#readings.get(id);
    if (reading === undefined) return;
    reading.credit += bytes;
    reading.onCredit?.();
  }

  #sendFrame(id: number, frame: OutputFrame | HeldFrame): void {
    if (frame.type === 'data') {
      this.#send({ type: 'data', id, offset: frame.offset, stream: frame.stream }, frame.data);
    } else {
      this.#send({ ...frame, id });
    }
  }

  #send(message: HostMessage, payload?: Uint8Array): void {
    if (!this.#socket.writable) return;
    this.#socket.cork();
    for (const piece of encodeFrame(message, payload)) this.#socket.write(piece);
    this.#socket.uncork();
  }

  #closed(): void {
    clearTimeout(this.#helloTimer);
    for (const reading of this.#readings.values()) {
      reading.abort.abort();
      reading.onCredit?.();
    }
  }
}

/** Resolves when the reader has room again, or is gone. */
function creditOf(reading: Reading): Promise<void> {
  return new Promise((resolve) => {
    const resume = () => {
      reading.onCredit = undefined;
      resolve();
    };
    reading.onCredit = resume;
    reading.abort.signal.addEventListener('abort', resume, { once: true });
  });
}

type Performers = {
  [Call in HostCall]: (
    host: ProcessHost,
    params: CallParams<Call>,
    options: { key?: string },
  ) => Promise<unknown>;
};

const PERFORMERS: Performers = {
  startProcess: (host, params) => host.startProcess(params),
  listProcesses: (host, params) => host.listProcesses(params),
  getProcess: (host, params) => host.getProcess(params),
  writeStdin: (host, params, options) => host.writeStdin(params, options),
  signalProcess: (host, params, options) => host.signalProcess(params, options),
  resizeTerminal: (host, params) => host.resizeTerminal(params),
  cancelProcess: (host, params) => host.cancelProcess(params),
  releaseWorkspace: (host, params) => host.releaseWorkspace(params),
};

function perform<Call extends HostCall>(
  host: ProcessHost,
  call: Call,
  params: CallParams<Call>,
  options: { key?: string },
): Promise<unknown> {
  return PERFORMERS[call](host, params, options);
}
