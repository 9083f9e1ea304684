import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  Ack,
  FollowProcess,
  failure,
  type ProcessInfo,
  type ProcessOutput,
  ShadowError,
  SubscribeTask,
  type TaskEvent,
} from '@shadow/protocol';
import { Server, type Socket } from 'socket.io';
import { AT, notices } from './events.ts';

export const TASK = 'task-1';
export const PROCESS = 'process-1';

type AckReply = (answer: unknown) => void;

/** A server over real sockets whose deliveries can be lost, repeated, cut off and refused on command. */
export class FaultyServer {
  /** The log of TASK; items may be of types that clients do not know. */
  readonly log: unknown[] = [];
  /** All that PROCESS wrote. */
  readonly output: number[] = [];
  /** Byte offset below which the output was evicted. */
  evicted = 0;
  processEnded = false;
  /** Positions that subscriptions asked for. */
  readonly asked: number[] = [];
  /** The next subscriptions are answered with these instead. */
  readonly refusals: ShadowError[] = [];
  acknowledgeFirst = false;
  apiKey: string | undefined;
  readonly #http = createServer();
  readonly #io: Server;

  private constructor(basePath: string) {
    this.#io = new Server(this.#http, { path: `${basePath}/socket.io` });
    this.#io.use((socket, next) => {
      const key: unknown = socket.handshake.auth.apiKey;
      if (this.apiKey === undefined || key === this.apiKey) return next();
      const error = new ShadowError('UNAUTHENTICATED', 'Sign in first.');
      next(Object.assign(error, { data: { error: error.toOperationError() } }));
    });
    this.#io.on('connection', (socket) => this.#serve(socket));
  }

  static async start(basePath = ''): Promise<FaultyServer> {
    const server = new FaultyServer(basePath);
    await new Promise<void>((resolve) => server.#http.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  get sockets(): number {
    return this.#io.sockets.sockets.size;
  }

  /** How many sockets are subscribed to a task. */
  subscribers(taskId: string): number {
    return this.#io.sockets.adapter.rooms.get(`task:${taskId}`)?.size ?? 0;
  }

  append(count: number): TaskEvent[] {
    const events = notices(this.log.length + 1, this.log.length + count);
    this.log.push(...events);
    return events;
  }

  /** Sends what may be anything to the subscribers. */
  send(events: readonly unknown[]): void {
    this.#io.to(`task:${TASK}`).emit('task:events', { taskId: TASK, events });
  }

  sendFrames(frames: readonly ProcessOutput[]): void {
    this.#io.to('process').emit('process:output', { taskId: TASK, processId: PROCESS, frames });
  }

  emit(name: string, message: unknown): void {
    this.#io.emit(name, message);
  }

  /** As when the network fails: the client comes back by itself. */
  cutConnections(): void {
    for (const socket of this.#io.sockets.sockets.values()) socket.conn.close();
  }

  /** As when the server shows a client the door. */
  dismissClients(): void {
    this.#io.disconnectSockets(true);
  }

  async close(): Promise<void> {
    await this.#io.close();
  }

  frames(from: number, to = this.output.length): ProcessOutput[] {
    const start = Math.max(from, this.evicted);
    const gap: ProcessOutput[] = start > from ? [{ type: 'gap', fromOffset: from, toOffset: start }] : [];
    if (to <= start) return gap;
    const data = Uint8Array.from(this.output.slice(start, to));
    return [...gap, { type: 'data', offset: start, stream: 'stdout', data }];
  }

  endFrame(): ProcessOutput {
    return { type: 'end', offset: this.output.length, process: this.#processInfo() };
  }

  #serve(socket: Socket): void {
    socket.on('task:subscribe', (command: unknown, ack: AckReply) => {
      const { taskId, afterSeq } = SubscribeTask.parse(command);
      this.#answer(ack, afterSeq, taskId === TASK, () => {
        void socket.join(`task:${taskId}`);
        const events = this.log.slice(afterSeq);
        if (events.length > 0) socket.emit('task:events', { taskId, events });
      });
    });
    socket.on('task:unsubscribe', (command: { taskId: string }, ack: AckReply) => {
      void socket.leave(`task:${command.taskId}`);
      ack(Ack.parse({ success: true }));
    });
    socket.on('process:follow', (command: unknown, ack: AckReply) => {
      const { taskId, processId, fromOffset } = FollowProcess.parse(command);
      this.#answer(ack, fromOffset, processId === PROCESS, () => {
        void socket.join('process');
        const frames = [...this.frames(fromOffset), ...(this.processEnded ? [this.endFrame()] : [])];
        if (frames.length > 0) socket.emit('process:output', { taskId, processId, frames });
      });
    });
  }

  #answer(ack: AckReply, position: number, exists: boolean, replay: () => void): void {
    this.asked.push(position);
    const refusal = this.refusals.shift();
    if (refusal !== undefined) ack({ success: false, error: refusal.toOperationError() });
    else if (!exists) ack(failure('TASK_NOT_FOUND', 'There is no such task.'));
    else if (this.acknowledgeFirst) {
      ack({ success: true });
      replay();
    } else {
      replay();
      ack({ success: true });
    }
  }

  #processInfo(): ProcessInfo {
    return {
      processId: PROCESS,
      command: 'make',
      cwd: '.',
      state: 'exited',
      isBackground: false,
      isPty: false,
      pid: 1,
      exitCode: 0,
      signal: null,
      startedAt: AT,
      finishedAt: AT,
      outputEnd: this.output.length,
      outputStart: this.evicted,
    };
  }
}
