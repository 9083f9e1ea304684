import { once } from 'node:events';
import {
  Ack,
  type ClientToServer,
  type ProcessOutput,
  type ServerToClient,
  type TaskEvent,
} from '@shadow/protocol';
import { io, type Socket } from 'socket.io-client';
import type { TestServer } from '../../http/support/server.ts';

export type TestSocket = Socket<ServerToClient, ClientToServer>;

export interface TestClient {
  readonly socket: TestSocket;
  /** Events received, by task. */
  events(taskId: string): TaskEvent[];
  /** Batches received. */
  readonly batches: number;
  readonly frames: ProcessOutput[];
  send(name: keyof ClientToServer, command: unknown): Promise<Ack>;
}

/** Connects with an API key (default) or a cookie. */
export async function connect(
  server: TestServer,
  credentials: { apiKey?: string; cookie?: string; headers?: Record<string, string> },
  options: { basePath?: string; transports?: string[] } = {},
): Promise<TestClient> {
  const { cookie, apiKey, headers } = credentials;
  const socket: TestSocket = io(server.origin, {
    path: `${options.basePath ?? ''}/socket.io`,
    transports: options.transports ?? ['websocket'],
    reconnection: false,
    forceNew: true,
    auth: apiKey === undefined ? {} : { apiKey },
    extraHeaders: { ...headers, ...(cookie === undefined ? {} : { cookie }) },
  });
  const byTask = new Map<string, TaskEvent[]>();
  const frames: ProcessOutput[] = [];
  let batches = 0;
  socket.on('task:events', ({ taskId, events }) => {
    batches += 1;
    byTask.set(taskId, [...(byTask.get(taskId) ?? []), ...events]);
  });
  socket.on('process:output', (output) => frames.push(...output.frames));
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', (error) => {
      socket.close();
      reject(error);
    });
  });
  return {
    socket,
    events: (taskId) => byTask.get(taskId) ?? [],
    get batches() {
      return batches;
    },
    frames,
    send: (name, command) =>
      new Promise((resolve, reject) => {
        // Untyped, as the tests also send what no client should.
        const untyped: Socket = socket;
        untyped
          .timeout(10_000)
          .emit(name, command, (error: Error | null, answer: unknown) =>
            error === null ? resolve(Ack.parse(answer)) : reject(error),
          );
      }),
  };
}

export async function disconnected(socket: TestSocket): Promise<void> {
  if (socket.connected) await once(socket as unknown as NodeJS.EventEmitter, 'disconnect');
}

/** 1, 2, … count. */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
