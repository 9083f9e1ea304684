import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Result, ShadowError, toShadowError } from '@shadow/protocol/errors';
import type { OutputFrame, ProcessInfo } from '@shadow/protocol/process';
import type {
  HostCapabilities,
  HostReadOutput,
  HostResize,
  HostSignal,
  HostStdin,
  MutationOptions,
  ProcessHost,
  ProcessRef,
  StartedFrame,
  StartProcess,
} from '../process/process-host.ts';
import { processDirectory } from '../process/process-record.ts';
import { wholeOutput } from '../process/run-process.ts';
import { SpillReader } from '../terminal/index.ts';
import { FrameQueue } from './frame-queue.ts';
import { HostConnection } from './host-connection.ts';
import { type CallParams, type CallResult, type HostCall, PROTOCOL_VERSION } from './messages.ts';
import { WireError } from './wire.ts';

const FIRST_RETRY_MS = 20;
const LAST_RETRY_MS = 500;

export interface ConnectHostOptions {
  /** Gives up on a host that cannot be reached after so many milliseconds; default 10,000. */
  reconnectMs?: number;
  /** Called while nobody listens: brings the host back up (startProcessHost). */
  revive?: () => Promise<unknown>;
}

/**
 * A process host in another process. When the connection is cut it comes back by itself: readings go on at the offset they
 * had come to, calls are repeated (each is idempotent by its process id or key).
 */
export class SocketHost implements ProcessHost {
  readonly #socketPath: string;
  readonly #options: ConnectHostOptions;
  #connection: HostConnection;
  #connecting: Promise<HostConnection> | undefined;
  #isClosed = false;
  #canOpenSpill = true;

  constructor(socketPath: string, connection: HostConnection, options: ConnectHostOptions) {
    this.#socketPath = socketPath;
    this.#connection = connection;
    this.#options = options;
  }

  get capabilities(): HostCapabilities {
    return this.#connection.welcome.capabilities;
  }

  /** Process id of the host daemon. */
  get pid(): number {
    return this.#connection.welcome.pid;
  }

  async startProcess(request: StartProcess): Promise<Result<{ process: ProcessInfo; created: boolean }>> {
    return await this.#call('startProcess', request);
  }

  async *runProcess(
    request: StartProcess,
    options: { signal?: AbortSignal } = {},
  ): AsyncGenerator<StartedFrame | OutputFrame> {
    const position = wholeOutput(request);
    let reading: FrameQueue | undefined;
    try {
      // With the start goes the wish to read it, over the connection that the start takes in the end.
      const started = await this.#call('startProcess', request, undefined, (connection) => {
        reading?.stop();
        reading = this.#begin(connection, position, options.signal);
      });
      if (!started.success) {
        yield { type: 'error', error: started.error };
        return;
      }
      yield { type: 'started', process: started.process, created: started.created };
      yield* this.#read(position, options.signal, reading);
    } finally {
      reading?.stop();
    }
  }

  async listProcesses(workspace: { stateDir: string }): Promise<Result<{ processes: ProcessInfo[] }>> {
    return await this.#call('listProcesses', workspace);
  }

  async getProcess(ref: ProcessRef): Promise<Result<{ process: ProcessInfo }>> {
    return await this.#call('getProcess', ref);
  }

  async writeStdin(request: HostStdin, { key = randomUUID() }: MutationOptions = {}): Promise<Result> {
    return await this.#call('writeStdin', request, key);
  }

  async signalProcess(request: HostSignal, { key = randomUUID() }: MutationOptions = {}): Promise<Result> {
    return await this.#call('signalProcess', request, key);
  }

  async resizeTerminal(request: HostResize): Promise<Result> {
    return await this.#call('resizeTerminal', request);
  }

  async cancelProcess(ref: ProcessRef): Promise<Result<{ process: ProcessInfo }>> {
    return await this.#call('cancelProcess', ref);
  }

  async releaseWorkspace(workspace: { stateDir: string }): Promise<Result> {
    return await this.#call('releaseWorkspace', workspace);
  }

  readOutput(request: HostReadOutput, options: { signal?: AbortSignal } = {}): AsyncGenerator<OutputFrame> {
    return this.#read({ ...request }, options.signal);
  }

  /** @param begun the first reading, where it is already under way */
  async *#read(
    position: HostReadOutput,
    signal: AbortSignal | undefined,
    begun?: FrameQueue,
  ): AsyncGenerator<OutputFrame> {
    let next = begun;
    try {
      while (signal?.aborted !== true) {
        const reading = next ?? this.#begin(await this.#connected(), position, signal);
        next = undefined;
        for await (const frame of this.#readOnce(reading, position, signal)) {
          advance(position, frame);
          yield frame;
          if (frame.type === 'end' || frame.type === 'error') return;
        }
      }
    } catch (error) {
      yield { type: 'error', error: toShadowError(error).toOperationError() };
    }
  }

  #begin(
    connection: HostConnection,
    position: Readonly<HostReadOutput>,
    signal: AbortSignal | undefined,
  ): FrameQueue {
    // A bounded reading counts bytes, and what a gap takes is known only when the files are read.
    const handOver = this.#canOpenSpill && position.maxBytes === undefined;
    return new FrameQueue(connection, { ...position }, { signal, handOver });
  }

  /** Frames of one connection, until its end or cut. What is much is read from the spill files, past the host. */
  async *#readOnce(
    queue: FrameQueue,
    position: Readonly<HostReadOutput>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<OutputFrame> {
    const spill = new SpillReader(processDirectory(position.stateDir, position.processId));
    try {
      for await (const frame of queue) {
        if (frame.type !== 'held') {
          yield frame;
          continue;
        }
        for await (const piece of spill.read(frame.fromOffset, frame.toOffset)) {
          if (signal?.aborted === true) return;
          yield piece;
        }
      }
    } catch (error) {
      if (!isDenied(error)) throw error;
      // Another user's host: its output comes over the socket from here on.
      this.#canOpenSpill = false;
    } finally {
      queue.stop();
      await spill.close();
    }
  }

  async shutdown(): Promise<void> {
    const connection = await this.#connected();
    this.#isClosed = true;
    connection.send({ type: 'shutdown' });
    await connection.closed;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#connection.close();
  }

  async #call<Call extends HostCall>(
    call: Call,
    params: CallParams<Call>,
    key?: string,
    /** Sends what goes with the call. */
    withIt: (connection: HostConnection) => void = () => {},
  ): Promise<CallResult<Call> | { success: false; error: ReturnType<ShadowError['toOperationError']> }> {
    try {
      for (;;) {
        const connection = await this.#connected();
        try {
          return await connection.together(() => {
            const answer = connection.call(call, params, key);
            withIt(connection);
            return answer;
          });
        } catch (error) {
          // Cut in the middle: the host may have done it or not, and a repeat finds out.
          if (connection.isOpen || this.#isClosed) throw error;
        }
      }
    } catch (error) {
      const known = error instanceof WireError ? tooLarge() : toShadowError(error);
      return { success: false, error: known.toOperationError() };
    }
  }

  async #connected(): Promise<HostConnection> {
    if (this.#isClosed) throw new ShadowError('UNAVAILABLE', 'This client of the process host is closed.');
    if (this.#connection.isOpen) return this.#connection;
    this.#connecting ??= connectWithin(this.#socketPath, this.#options)
      .then((connection) => {
        this.#connection = connection;
        return connection;
      })
      .finally(() => {
        this.#connecting = undefined;
      });
    return await this.#connecting;
  }
}

/**
 * Connects to a running host.
 *
 * @param socketPath as startProcessHost gave it
 * @throws ShadowError UNAVAILABLE when it cannot be reached in time or speaks another version
 */
export async function connectProcessHost(
  socketPath: string,
  options: ConnectHostOptions = {},
): Promise<SocketHost> {
  return new SocketHost(socketPath, await connectWithin(socketPath, options), options);
}

async function connectWithin(socketPath: string, options: ConnectHostOptions): Promise<HostConnection> {
  const deadline = performance.now() + (options.reconnectMs ?? 10_000);
  let pause = FIRST_RETRY_MS;
  for (;;) {
    const connection = await tryOpen(socketPath);
    if (connection?.welcome.version === PROTOCOL_VERSION) return connection;
    connection?.close();
    if (connection !== undefined || performance.now() >= deadline) {
      throw new ShadowError('UNAVAILABLE', 'The process host cannot be reached.', {
        details: { hostVersion: connection?.welcome.version ?? null, version: PROTOCOL_VERSION },
      });
    }
    await options.revive?.();
    await delay(pause);
    pause = Math.min(pause * 2, LAST_RETRY_MS);
  }
}

async function tryOpen(socketPath: string): Promise<HostConnection | undefined> {
  try {
    return await HostConnection.open(socketPath);
  } catch {
    return undefined;
  }
}

function isDenied(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EPERM');
}

/** Where the reading stands after this frame, so that another one can go on there. */
function advance(position: HostReadOutput, frame: OutputFrame): void {
  if (frame.type === 'gap') position.fromOffset = frame.toOffset;
  if (frame.type !== 'data') return;
  position.fromOffset = frame.offset + frame.data.length;
  if (position.maxBytes !== undefined) position.maxBytes -= frame.data.length;
}

function tooLarge(): ShadowError {
  return new ShadowError('VALIDATION_FAILED', 'The command with its environment and input is too large.');
}
