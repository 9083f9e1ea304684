import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import {
  endpoints,
  FollowProcess,
  type OperationId,
  ShadowError,
  SubscribeTask,
  type TaskEventBody,
  toShadowError,
} from '@shadow/protocol';
import { Server } from 'socket.io';
import { handlersOf } from './fixture-handlers.ts';
import { appendEvents, emptyState, type FixtureState, type FixtureTask } from './fixture-state.ts';

const DIST = join(import.meta.dirname, '../../dist');
const TYPES: Record<string, string> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** What the real server sends with every page. */
const POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'self'",
].join('; ');

/** A server with the UI's build, the API and the socket, answering from `state`. */
export interface FixtureServer {
  url: string;
  state: FixtureState;
  /** Calls that came, newest last. */
  calls: { operation: string; body: unknown }[];
  /** Appends events to a task and sends them to whoever follows it. */
  emit(fixture: FixtureTask, ...bodies: TaskEventBody[]): void;
  /** Writes to a process's output. */
  write(fixture: FixtureTask, processId: string, text: string): void;
  /** Drops every socket and refuses new ones until `restore`. */
  cut(): void;
  restore(): void;
  close(): Promise<void>;
}

/** Starts a fixture server on a free port. */
export async function startFixtureServer(options: { basePath?: string } = {}): Promise<FixtureServer> {
  const basePath = options.basePath ?? '';
  const state = emptyState();
  const calls: FixtureServer['calls'] = [];
  let refusing = false;
  const http = createServer((request, response) => void answer(request, response));
  const sockets = new Server(http, {
    path: `${basePath}/socket.io`,
    allowRequest: (_request, decide) => decide(null, !refusing),
  });

  const changed = (fixture: FixtureTask, fromSeq: number) => {
    const events = fixture.events.filter(({ seq }) => seq > fromSeq);
    sockets.to(fixture.task.id).emit('task:events', { taskId: fixture.task.id, events });
    sockets.emit('task:changed', { task: fixture.task });
  };
  const handlers = handlersOf(state, {
    changed,
    deleted: (taskId) => sockets.emit('task:deleted', { taskId }),
  });

  sockets.on('connection', (socket) => {
    socket.on('task:subscribe', (message, ack) => {
      const { taskId, afterSeq } = SubscribeTask.parse(message);
      const fixture = state.tasks.get(taskId);
      if (fixture === undefined) {
        ack({
          success: false,
          error: new ShadowError('TASK_NOT_FOUND', 'There is no such task.').toOperationError(),
        });
        return;
      }
      void socket.join(taskId);
      ack({ success: true });
      const events = fixture.events.filter(({ seq }) => seq > afterSeq);
      if (events.length > 0) socket.emit('task:events', { taskId, events });
    });
    socket.on('task:unsubscribe', ({ taskId }, ack) => {
      void socket.leave(taskId);
      ack({ success: true });
    });
    socket.on('process:follow', (message, ack) => {
      const { taskId, processId, fromOffset } = FollowProcess.parse(message);
      const process = state.tasks.get(taskId)?.processes.get(processId);
      ack({ success: true });
      void socket.join(`${taskId} ${processId}`);
      if (process === undefined) return;
      const data = process.output.subarray(fromOffset);
      const frames: unknown[] = [{ type: 'data', offset: fromOffset, stream: 'stdout', data }];
      if (process.exitCode !== null)
        frames.push(endFrame(processId, process.command, process.output.length, process.exitCode));
      socket.emit('process:output', { taskId, processId, frames });
    });
    socket.on('process:unfollow', ({ taskId, processId }, ack) => {
      void socket.leave(`${taskId} ${processId}`);
      ack({ success: true });
    });
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fixture');
    const path = url.pathname.slice(basePath.length);
    if (path.startsWith('/api/')) return answerApi(request, response, url, path.slice('/api'.length));
    return answerPage(response, path, basePath);
  }

  async function answerApi(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    path: string,
  ): Promise<void> {
    const json = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(body === undefined ? '' : JSON.stringify(body));
    };
    try {
      const { operation, params } = route(request.method ?? 'GET', path);
      const endpoint = endpoints[operation];
      if (!endpoint.public && !state.signedIn) throw new ShadowError('UNAUTHENTICATED', 'Sign in first.');
      const body: unknown = JSON.parse((await text(request)) || 'null') ?? undefined;
      calls.push({ operation, body });
      const handler = handlers[operation];
      if (handler === undefined)
        throw new ShadowError('UNSUPPORTED', `The fixture server has no ${operation}.`);
      const result = handler({
        params: endpoint.params.parse(params),
        query: endpoint.query.parse(Object.fromEntries(url.searchParams)),
        body: asRecord(endpoint.body.parse(body)),
      });
      json(endpoint.status, endpoint.response.parse(result));
    } catch (thrown) {
      const error = toShadowError(thrown);
      if (error.code === 'INTERNAL') console.error(thrown);
      json(error.status, { error: error.toOperationError() });
    }
  }

  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${basePath}`,
    state,
    calls,
    emit: (fixture, ...bodies) => {
      const from = fixture.task.lastSeq;
      appendEvents(fixture, bodies);
      changed(fixture, from);
    },
    write: (fixture, processId, output) => {
      const process = fixture.processes.get(processId);
      if (process === undefined) throw new Error(`no process ${processId}`);
      const data = new TextEncoder().encode(output);
      const offset = process.output.length;
      process.output = Buffer.concat([process.output, data]);
      const taskId = fixture.task.id;
      sockets.to(`${taskId} ${processId}`).emit('process:output', {
        taskId,
        processId,
        frames: [{ type: 'data', offset, stream: 'stdout', data }],
      });
    },
    cut: () => {
      refusing = true;
      sockets.disconnectSockets(true);
    },
    restore: () => {
      refusing = false;
    },
    close: () => sockets.close(),
  };
}

function endFrame(processId: string, command: string, offset: number, exitCode: number) {
  const at = new Date(0).toISOString();
  return {
    type: 'end',
    offset,
    process: {
      processId,
      command,
      cwd: '.',
      state: 'exited',
      isBackground: false,
      isPty: false,
      pid: null,
      exitCode,
      signal: null,
      startedAt: at,
      finishedAt: at,
      outputEnd: offset,
      outputStart: 0,
    },
  };
}

function route(method: string, path: string): { operation: OperationId; params: Record<string, string> } {
  for (const operation of Object.keys(endpoints) as OperationId[]) {
    const endpoint = endpoints[operation];
    const pattern = new RegExp(`^${endpoint.path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
    const match = endpoint.method.toUpperCase() === method ? pattern.exec(path) : null;
    if (match !== null) return { operation, params: { ...match.groups } };
  }
  throw new ShadowError('NOT_FOUND', `There is no ${method} ${path}.`);
}

async function answerPage(response: ServerResponse, path: string, basePath: string): Promise<void> {
  const headers = { 'content-security-policy': POLICY };
  const extension = extname(path);
  if (extension === '') {
    const html = await readFile(join(DIST, 'index.html'), 'utf8');
    const tags = `<base href="${basePath}/"><meta name="shadow-base-path" content="${basePath}">`;
    response
      .writeHead(200, { ...headers, 'content-type': 'text/html' })
      .end(html.replace('<head>', `<head>${tags}`));
    return;
  }
  try {
    const file = await readFile(join(DIST, normalize(path)));
    response
      .writeHead(200, { ...headers, 'content-type': TYPES[extension] ?? 'application/octet-stream' })
      .end(file);
  } catch {
    response.writeHead(404, headers).end();
  }
}

async function text(request: IncomingMessage): Promise<string> {
  let whole = '';
  for await (const chunk of request) whole += String(chunk);
  return whole;
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
