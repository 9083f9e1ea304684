import { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';

/** Channels of one forwarded port: https://kubernetes.io/docs/reference/using-api/websockets/ and kubelet's portforward/websocket.go. */
const DATA = 0;
const ERROR = 1;
/** Each channel begins with a frame that names its port. */
const PORT_BYTES = 2;
/** Bytes to a frame: kubelet refuses more than 32 MiB, and large ones keep others waiting. */
const MAX_FRAME = 256 * 1024;
/** Milliseconds between signs of life that are asked for, and how many may be missed. */
const PING_MS = 15_000;
const MISSED = 3;
/** Milliseconds that the other side has to answer a close. */
const CLOSE_MS = 2000;
/** Milliseconds without a byte after which a connection is given up that this side has ended. */
const LINGER_MS = 60_000;

/**
 * A connection to a port of a pod, over one port-forward websocket. It stands for a TCP socket towards `http.Agent` and
 * whatever upgrades on it. The protocol knows no half-close: what the pod ends is seen as an end here; an end here is not
 * told to the pod, which can answer to the end of its answer, as HTTP does.
 */
export class PortForwardSocket extends Duplex {
  readonly #socket: WebSocket;
  readonly #begun = new Set<number>();
  readonly #pings: NodeJS.Timeout;
  #missed = 0;
  #idle: NodeJS.Timeout | undefined;
  #idleMs = 0;

  /** @param socket open, with the subprotocol v4.channel.k8s.io */
  constructor(socket: WebSocket) {
    super({ allowHalfOpen: false, readableHighWaterMark: MAX_FRAME, writableHighWaterMark: MAX_FRAME });
    this.#socket = socket;
    // Held until someone reads: a refusal that comes with the handshake would otherwise end this before anyone listens.
    socket.pause();
    this.on('error', () => {});
    this.#pings = setInterval(() => this.#ping(), PING_MS).unref();
    socket.on('message', (data, isBinary) => this.#receive(bytesOf(data), isBinary));
    socket.on('pong', () => this.#live());
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', (code) => this.#closed(code));
  }

  override _read(): void {
    if (this.#socket.isPaused) this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#restless();
    this.#send(chunk, 0, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#idleMs === 0 || this.#idleMs > LINGER_MS) {
      this.once('timeout', () => this.destroy());
      this.setTimeout(LINGER_MS);
    }
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearInterval(this.#pings);
    clearTimeout(this.#idle);
    const socket = this.#socket;
    if (socket.isPaused) socket.resume();
    socket.close();
    const timer = setTimeout(() => socket.terminate(), CLOSE_MS).unref();
    socket.once('close', () => clearTimeout(timer));
    done(error);
  }

  /** As of a net.Socket: ends after what is written is sent. */
  destroySoon(): void {
    if (this.writableFinished) this.destroy();
    else this.end(() => this.destroy());
  }

  /** As of a net.Socket: "timeout" after so many milliseconds without a byte; 0 for never. */
  setTimeout(timeoutMs: number, listener?: () => void): this {
    clearTimeout(this.#idle);
    this.#idleMs = timeoutMs;
    if (listener !== undefined) this.once('timeout', listener);
    if (timeoutMs > 0) this.#idle = setTimeout(() => this.emit('timeout'), timeoutMs).unref();
    return this;
  }

  /** Frames go out as they come. */
  setNoDelay(): this {
    return this;
  }

  /** Pings keep it alive. */
  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  #send(chunk: Buffer, from: number, done: (error?: Error | null) => void): void {
    const part = chunk.subarray(from, from + MAX_FRAME);
    this.#socket.send(Buffer.concat([Buffer.of(DATA), part]), (error) => {
      if (error != null) done(error);
      else if (from + MAX_FRAME < chunk.length) this.#send(chunk, from + MAX_FRAME, done);
      else done();
    });
  }

  #receive(frame: Buffer, isBinary: boolean): void {
    this.#live();
    this.#restless();
    const channel = frame[0];
    if (!isBinary || channel === undefined) return;
    const isFirst = !this.#begun.has(channel);
    this.#begun.add(channel);
    const content = frame.subarray(isFirst ? 1 + PORT_BYTES : 1);
    if (content.length === 0 || this.destroyed) return;
    if (channel === ERROR) {
      this.destroy(broken(content.toString('utf8')));
    } else if (channel === DATA && !this.push(content)) {
      this.#socket.pause();
    }
  }

  #closed(code: number): void {
    if (this.destroyed) return;
    // 1006: the connection broke without a word.
    if (code === 1000) this.push(null);
    else this.destroy(broken(`the port-forward was cut (${code})`));
  }

  #ping(): void {
    // Unread bytes are waiting here, or bytes of ours there: neither is silence, and a ping would wait behind them.
    if (this.#socket.isPaused || this.#socket.bufferedAmount > 0) return;
    this.#missed += 1;
    if (this.#missed > MISSED) this.destroy(broken('the port-forward fell silent'));
    else this.#socket.ping();
  }

  #live(): void {
    this.#missed = 0;
  }

  #restless(): void {
    if (this.#idleMs > 0) this.#idle?.refresh();
  }
}

/** As a broken TCP connection says it, for those who tell it from other errors. */
function broken(message: string): Error {
  return Object.assign(new Error(message), { code: 'ECONNRESET' });
}

function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
