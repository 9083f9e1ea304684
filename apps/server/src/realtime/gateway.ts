import type { Server as HttpServer } from 'node:http';
import type { Logger } from 'pino';
import { Server } from 'socket.io';
import type { Access } from '../access/access.ts';
import { type Credential, credentialKey } from '../access/principal.ts';
import { isCrossOrigin } from '../http/same-origin.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { EventLog, TaskService } from '../tasks/contracts.ts';
import { acceptCommands } from './commands.ts';
import { authenticateHandshake, handshakeError } from './handshake.ts';
import { DEFAULT_LIMITS, type RealtimeLimits } from './limits.ts';
import { Outbox } from './outbox.ts';
import { ProcessFollows } from './process-follows.ts';
import { type ReplicaSource, TaskSubscriptions } from './task-subscriptions.ts';
import { type RealtimeServer, type RealtimeSocket, userRoom } from './types.ts';

export interface RealtimeOptions {
  /** The server that also serves HTTP; sockets are taken at `<basePath>/socket.io`. */
  readonly httpServer: HttpServer;
  readonly access: Access;
  readonly tasks: TaskService;
  readonly log: EventLog;
  /** Word of other servers on the same database; absent where there are none. */
  readonly replicas?: ReplicaSource;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Empty, or `/path`. */
  readonly basePath: string;
  /** Origin that people open when a proxy stands in front. */
  readonly publicUrl: string | null;
  readonly limits?: Partial<RealtimeLimits>;
}

/** Bytes a client's packet may have: commands are small. */
const MAX_COMMAND_BYTES = 64 * 1024;
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** The socket: commands in, ordered task events out. Call `close` before the HTTP server is closed. */
export class RealtimeGateway {
  readonly #options: RealtimeOptions;
  readonly #log: Logger;
  readonly #io: RealtimeServer;
  readonly #subscriptions: TaskSubscriptions;
  readonly #follows: ProcessFollows;
  readonly #stops: (() => void)[];
  #isClosed = false;

  constructor(options: RealtimeOptions) {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const { tasks, log, metrics, replicas } = options;
    this.#options = options;
    this.#log = options.logger.child({ component: 'REALTIME' });
    this.#io = createServer(options, () => this.#isClosed);
    this.#follows = new ProcessFollows(tasks, limits);
    this.#subscriptions = new TaskSubscriptions({
      io: this.#io,
      tasks,
      log,
      replicas,
      limits,
      metrics,
      logger: this.#log,
    });
    this.#io.use((socket, next) => {
      this.#admit(socket, limits).then(
        () => next(),
        (error: unknown) => next(handshakeError(error)),
      );
    });
    this.#io.on('connection', (socket) => this.#connected(socket));
    const checks = setInterval(() => this.#checkCredentials(), limits.credentialCheckMs);
    this.#stops = [
      tasks.changes.listen((change) => this.#announce(change)),
      options.access.onCredentialEnded((credential) => this.#closeSocketsOf([credential])),
      () => clearInterval(checks),
    ];
  }

  /** Closes every socket and stops to listen; the HTTP server stays open. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const stop of this.#stops) stop();
    this.#subscriptions.close();
    this.#io.disconnectSockets(true);
    this.#io.engine.close();
    await this.#io.of('/').adapter.close();
  }

  async #admit(socket: RealtimeSocket, limits: RealtimeLimits): Promise<void> {
    const { access, publicUrl, metrics } = this.#options;
    const closed = new AbortController();
    socket.conn.once('close', () => closed.abort());
    const principal = await authenticateHandshake(access, socket.handshake, publicUrl);
    socket.data.principal = principal;
    socket.data.closed = closed.signal;
    socket.data.outbox = new Outbox(socket.conn, limits.maxQueuedBytes, () => {
      this.#log.warn({ userId: principal.user.id }, 'a socket does not read; closing it');
      metrics.socketsDropped.inc({ reason: 'slow' });
      // Thrown away rather than drained: what waits for it is what it does not read.
      socket.conn.close(true);
    });
  }

  #connected(socket: RealtimeSocket): void {
    const { metrics } = this.#options;
    metrics.socketConnections.inc();
    socket.once('disconnect', () => {
      metrics.socketConnections.dec();
      this.#subscriptions.drop(socket);
    });
    void socket.join(userRoom(socket.data.principal.user.id));
    acceptCommands(socket, {
      subscriptions: this.#subscriptions,
      follows: this.#follows,
      logger: this.#log,
    });
  }

  #announce(change: Parameters<Parameters<TaskService['changes']['listen']>[0]>[0]): void {
    const room = this.#io.to(userRoom(change.userId));
    if ('task' in change) {
      room.emit('task:changed', { task: change.task });
      return;
    }
    this.#subscriptions.dropTask(change.deletedTaskId);
    room.emit('task:deleted', { taskId: change.deletedTaskId });
  }

  #checkCredentials(): void {
    const held = [...this.#io.sockets.sockets.values()].map((socket) => socket.data.principal.credential);
    if (held.length === 0) return;
    this.#options.access.findEnded(held).then(
      (ended) => this.#closeSocketsOf(ended),
      (error: unknown) => this.#log.warn({ err: error }, 'could not check the credentials of sockets'),
    );
  }

  #closeSocketsOf(credentials: readonly Credential[]): void {
    const ended = new Set(credentials.map(credentialKey));
    for (const socket of this.#io.sockets.sockets.values()) {
      if (!ended.has(credentialKey(socket.data.principal.credential))) continue;
      this.#options.metrics.socketsDropped.inc({ reason: 'credential' });
      socket.disconnect(true);
    }
  }
}

function createServer(options: RealtimeOptions, isClosed: () => boolean): RealtimeServer {
  const { httpServer, basePath, publicUrl } = options;
  return new Server(httpServer, {
    path: `${basePath}/socket.io`,
    serveClient: false,
    maxHttpBufferSize: MAX_COMMAND_BYTES,
    connectTimeout: HANDSHAKE_TIMEOUT_MS,
    allowRequest: (request, callback) =>
      // Asked before anything is kept for the connection; the credentials come with the first packet.
      callback(null, !isClosed() && !isCrossOrigin(request.headers, publicUrl)),
  });
}
