import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import {
  encodeOutputFrame,
  type OutputWireFrame,
  type Result,
  ShadowError,
  SIDECAR_SOCKET_PATH,
  TerminalControl,
  toShadowError,
  unwrap,
} from '@shadow/protocol';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { SidecarContext } from './context.ts';
import { errorBody } from './http/errors.ts';

const MAX_MESSAGE_BYTES = 1024 * 1024;
const PING_MS = 15_000;
/** Close codes of applications (RFC 6455, 7.4.2); the rest of the code is the HTTP status. */
const CLOSE_BASE = 4000;
const CLOSE_NORMAL = 1000;
const CLOSE_GOING_AWAY = 1001;

/**
 * The WebSocket of a process's terminal: output frames as binary messages, keyboard input as binary ones, resizing as JSON.
 * The token is checked before the connection is taken over.
 */
export function serveTerminalSockets(server: Server, context: SidecarContext): void {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  server.on('upgrade', (request, socket, head) => {
    // Until it is a WebSocket nobody else hears its errors.
    const ignore = () => {};
    socket.on('error', ignore);
    accept(context, request).then(
      ({ processId, fromOffset, revoked, release }) => {
        socket.off('error', ignore);
        sockets.handleUpgrade(request, socket, head, (webSocket) => {
          webSocket.once('close', release);
          new TerminalSocket(webSocket, context, processId, revoked).run(fromOffset);
        });
      },
      (error: unknown) => refuse(socket, toShadowError(error)),
    );
  });
}

interface Accepted {
  processId: string;
  fromOffset: number | undefined;
  revoked: AbortSignal;
  release: () => void;
}

async function accept(context: SidecarContext, request: IncomingMessage): Promise<Accepted> {
  const revoked = context.authenticator.check(request);
  const url = new URL(request.url ?? '/', 'http://sidecar');
  const processId = SIDECAR_SOCKET_PATH.exec(url.pathname)?.[1];
  if (processId === undefined) throw new ShadowError('NOT_FOUND', 'There is no socket at this path.');
  unwrap(await context.engine.getProcess({ processId }));
  const from = url.searchParams.get('fromOffset') ?? '';
  const release = context.slots.streams.take();
  return { processId, fromOffset: /^\d{1,15}$/.test(from) ? Number(from) : undefined, revoked, release };
}

function refuse(socket: Duplex, error: ShadowError): void {
  const body = JSON.stringify(errorBody(error.toOperationError()));
  socket.end(
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? 'Error'}\r\nConnection: close\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** One open socket on one process. */
class TerminalSocket {
  readonly #socket: WebSocket;
  readonly #context: SidecarContext;
  readonly #processId: string;
  readonly #revoked: AbortSignal;
  readonly #gone = new AbortController();
  /** A character that two messages share comes whole with the second. */
  readonly #decoder = new StringDecoder('utf8');
  /** Inputs are written one after the other: the order typed is the order read. */
  #input: Promise<void> = Promise.resolve();
  #isAlive = true;

  constructor(socket: WebSocket, context: SidecarContext, processId: string, revoked: AbortSignal) {
    this.#socket = socket;
    this.#context = context;
    this.#processId = processId;
    this.#revoked = revoked;
  }

  run(fromOffset: number | undefined): void {
    const ping = setInterval(() => this.#ping(), PING_MS);
    this.#socket.on('pong', () => {
      this.#isAlive = true;
    });
    this.#socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    this.#socket.on('error', () => {});
    this.#socket.once('close', () => {
      clearInterval(ping);
      this.#gone.abort();
    });
    void this.#sendOutput(fromOffset);
  }

  #ping(): void {
    if (!this.#isAlive) {
      this.#socket.terminate();
      return;
    }
    this.#isAlive = false;
    this.#socket.ping();
  }

  async #sendOutput(fromOffset: number | undefined): Promise<void> {
    const signal = AbortSignal.any([this.#gone.signal, this.#revoked, this.#context.closing]);
    const frames = this.#context.engine.readOutput(
      { processId: this.#processId, follow: true, ...(fromOffset === undefined ? {} : { fromOffset }) },
      { signal },
    );
    for await (const frame of frames) {
      if (signal.aborted) break;
      await this.#send(frame);
    }
    if (this.#revoked.aborted) this.#socket.close(CLOSE_BASE + 401, 'TOKEN_INVALID');
    else this.#socket.close(this.#context.closing.aborted ? CLOSE_GOING_AWAY : CLOSE_NORMAL);
  }

  /** Resolves when the bytes are handed to the system: the reader's pace is the sender's. */
  #send(frame: OutputWireFrame): Promise<void> {
    return new Promise((resolve) => {
      this.#socket.send(Buffer.concat(encodeOutputFrame(frame).filter((piece) => piece !== undefined)), () =>
        resolve(),
      );
    });
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#revoked.aborted) return;
    const bytes = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
    const control = isBinary ? { type: 'input', data: this.#decoder.write(bytes) } : parseJson(bytes);
    const parsed = TerminalControl.safeParse(control);
    if (!parsed.success) {
      this.#socket.close(CLOSE_BASE + 400, 'not a message of this protocol');
      return;
    }
    // A sender that is faster than the process waits in its own buffers, not in ours.
    this.#socket.pause();
    this.#input = this.#input.then(async () => {
      const result = await this.#apply(parsed.data);
      if (!result.success)
        this.#socket.close(CLOSE_BASE + ShadowError.from(result.error).status, result.error.code);
      this.#socket.resume();
    });
  }

  #apply(control: TerminalControl): Promise<Result> {
    const { engine } = this.#context;
    const ref = { processId: this.#processId };
    if (control.type === 'resize') {
      return engine.resizeTerminal({ ...ref, columns: control.columns, rows: control.rows });
    }
    return engine.writeStdin({ ...ref, data: control.data });
  }
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
