import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  type Approval,
  endpoints,
  type OperationId,
  ShadowError,
  SubscribeTask,
  type Task,
  type TaskEvent,
  type TaskEventBody,
  type TaskStatus,
  toShadowError,
} from '@shadow/protocol';
import { Server } from 'socket.io';

export const API_KEY = 'test-key';
const AT = '2026-01-01T00:00:00.000Z';
const USAGE = { inputTokens: 120, outputTokens: 34, cachedTokens: 0, reasoningTokens: 0, costUsd: 0.0125 };

/** Checks an event's body where it is written. */
const body = (event: TaskEventBody): TaskEventBody => event;

type Answer = (input: { params: Record<string, string>; query: URLSearchParams; body: unknown }) => unknown;

/**
 * A server that speaks Shadow's real HTTP API and socket, with tasks in memory. A prompt names the story that the task
 * plays: `fails`, `spends`, `waits` (until it is stopped) or `asks` (for an approval); anything else is done at once.
 */
export class TestServer {
  readonly tasks = new Map<string, Task>();
  readonly events = new Map<string, TaskEvent[]>();
  readonly approvals = new Map<string, Approval>();
  /** Bodies that createTask was given. */
  readonly created: unknown[] = [];
  readonly #http = createServer((request, response) => void this.#serve(request, response));
  readonly #io: Server;

  private constructor() {
    this.#io = new Server(this.#http, { path: '/base/socket.io' });
    this.#io.use((socket, next) => {
      if (socket.handshake.auth.apiKey === API_KEY) return next();
      const error = new ShadowError('UNAUTHENTICATED', 'Sign in first.');
      next(Object.assign(new Error(error.message), { data: { error: error.toOperationError() } }));
    });
    this.#io.on('connection', (socket) => {
      socket.on('task:subscribe', (command: unknown, ack: (answer: unknown) => void) => {
        const { taskId, afterSeq } = SubscribeTask.parse(command);
        void socket.join(taskId);
        socket.emit('task:events', { taskId, events: (this.events.get(taskId) ?? []).slice(afterSeq) });
        ack({ success: true });
      });
    });
  }

  static async start(): Promise<TestServer> {
    const server = new TestServer();
    await new Promise<void>((resolve) => server.#http.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/base`;
  }

  /** Writes what a real server leaves in its home for the command line. */
  announce(home: string): void {
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'cli-key'), `${API_KEY}\n`, { mode: 0o600 });
    writeFileSync(
      join(home, 'server.json'),
      JSON.stringify({ url: this.url, pid: process.pid, startedAt: AT }),
    );
  }

  async close(home?: string): Promise<void> {
    if (home !== undefined) rmSync(join(home, 'server.json'), { force: true });
    this.#http.closeAllConnections();
    await this.#io.close();
  }

  addTask(id: string, change: Partial<Task> = {}): Task {
    const task: Task = {
      id,
      title: `Title of ${id}`,
      status: 'queued',
      repository: 'sample',
      baseBranch: 'main',
      branch: null,
      baseCommit: null,
      headCommit: null,
      model: 'scripted/demo',
      permissionMode: 'auto',
      budgetUsd: null,
      usage: USAGE,
      additions: 0,
      deletions: 0,
      lastSeq: 0,
      error: null,
      createdAt: AT,
      updatedAt: AT,
      ...change,
    };
    this.tasks.set(id, task);
    this.events.set(id, []);
    return task;
  }

  append(taskId: string, ...bodies: TaskEventBody[]): void {
    const log = this.events.get(taskId) ?? [];
    const events = bodies.map((event, index) => ({ ...event, seq: log.length + index + 1, at: AT }));
    log.push(...events);
    const task = this.task(taskId);
    const statuses = bodies.flatMap((event) => (event.type === 'status' ? [event.status] : []));
    this.tasks.set(taskId, { ...task, lastSeq: log.length, status: statuses.at(-1) ?? task.status });
    this.#io.to(taskId).emit('task:events', { taskId, events });
  }

  task(id: string): Task {
    const task = this.tasks.get(id);
    if (task === undefined) throw new ShadowError('TASK_NOT_FOUND', `There is no task ${id}.`);
    return task;
  }

  #play(taskId: string, prompt: string): void {
    const started = {
      type: 'turn-started',
      executionId: 'e1',
      runner: 'scripted',
      model: 'demo',
      resumed: false,
    } as const;
    this.append(taskId, body({ type: 'status', status: 'queued', error: null }));
    this.append(taskId, body({ type: 'user-message', messageId: 'u1', text: prompt }));
    this.append(taskId, status('running'), started);
    this.append(taskId, body({ type: 'message-delta', messageId: 'm1', kind: 'text', text: 'I look ' }));
    this.append(
      taskId,
      body({ type: 'message-delta', messageId: 'm1', kind: 'text', text: 'at \u001b[31mit.' }),
    );
    if (prompt === 'waits') return;
    if (prompt === 'asks') this.#ask(taskId);
    else this.#finish(taskId, prompt);
  }

  #ask(taskId: string): void {
    const about = {
      taskId,
      executionId: 'e1',
      toolCallId: 'c1',
      tool: 'executeCommand',
      input: { command: 'rm x' },
    };
    const open = { status: 'pending', scope: null, note: null } as const;
    const approval: Approval = { id: 'a1', ...about, reason: 'a command', ...open, createdAt: AT };
    this.approvals.set('a1', approval);
    this.append(taskId, { type: 'approval-requested', approval }, status('awaiting-approval'));
  }

  #finish(taskId: string, prompt: string): void {
    const call = { toolCallId: 'c1', tool: 'executeCommand' } as const;
    const none = { processId: null, additions: null, deletions: null, error: null };
    const told = {
      outcome: 'succeeded',
      summary: '4 ms · exit 1',
      preview: 'boom\n',
      durationMs: 4,
      exitCode: 1,
    } as const;
    this.append(taskId, { type: 'tool-call', ...call, executionId: 'e1', target: 'npm test', input: {} });
    this.append(taskId, { type: 'tool-result', ...call, ...told, ...none });
    const ends = { fails: ['failed', 'failed'], spends: ['budget-exceeded', 'stopped'] } as const;
    const [turn, end] =
      prompt === 'fails' || prompt === 'spends' ? ends[prompt] : (['completed', 'ready-for-review'] as const);
    const error =
      prompt === 'fails' ? ({ code: 'PROVIDER_AUTH_FAILED', message: 'The key is wrong.' } as const) : null;
    this.tasks.set(taskId, {
      ...this.task(taskId),
      branch: 'shadow/x',
      baseCommit: 'abc',
      additions: 3,
      deletions: 1,
    });
    const finished = { type: 'turn-finished', executionId: 'e1', status: turn, usage: USAGE } as const;
    this.append(taskId, { ...finished, durationMs: 12, error }, status(end));
  }

  readonly #answers: Partial<Record<OperationId, Answer>> = {
    getHealth: () => ({ status: 'ok', database: 'ok' }),
    listTasks: ({ query }) => {
      const all = [...this.tasks.values()].filter((task) => {
        return query.get('includeArchived') === 'true' || task.status !== 'archived';
      });
      // One a page, so that paging is seen to work.
      const from = Number(query.get('cursor') ?? 0);
      return {
        tasks: all.slice(from, from + 1),
        nextCursor: from + 1 < all.length ? String(from + 1) : null,
      };
    },
    createTask: ({ body: request }) => {
      const { prompt, repository } = endpoints.createTask.body.parse(request);
      if (repository.endsWith('nowhere'))
        throw new ShadowError('REPOSITORY_NOT_FOUND', 'There is no repository there.');
      this.created.push(request);
      const task = this.addTask(`0190aaaa-0000-7000-8000-00000000000${this.tasks.size}`);
      setImmediate(() => this.#play(task.id, prompt));
      return task;
    },
    getTask: ({ params }) => this.task(params.taskId ?? ''),
    listEvents: ({ params, query }) => {
      const rest = (this.events.get(params.taskId ?? '') ?? []).slice(Number(query.get('afterSeq') ?? 0));
      return { events: rest.slice(0, 2), hasMore: rest.length > 2 };
    },
    createSignInToken: () => ({ token: 'a one-time token' }),
    stopTask: ({ params }) => {
      this.append(params.taskId ?? '', status('stopped'));
      return this.task(params.taskId ?? '');
    },
    getDiff: () => ({
      base: 'abc',
      additions: 1,
      deletions: 0,
      files: [
        {
          path: 'a',
          status: 'added',
          additions: 1,
          deletions: 0,
          binary: false,
          patch: 'diff --git a/a b/a',
          truncated: false,
        },
        {
          path: 'b.png',
          status: 'added',
          additions: 0,
          deletions: 0,
          binary: true,
          patch: '',
          truncated: false,
        },
      ],
    }),
    listApprovals: () => ({ approvals: [...this.approvals.values()] }),
    answerApproval: ({ params, body: answer }) => {
      const { decision, note, scope } = endpoints.answerApproval.body.parse(answer);
      const open = this.approvals.get(params.approvalId ?? '');
      if (open === undefined) throw new ShadowError('APPROVAL_NOT_FOUND', 'No such question.');
      const decided = decision === 'allow' ? 'allowed' : 'denied';
      const approval: Approval = { ...open, status: decided, note: note ?? null, scope: scope ?? null };
      this.approvals.set(approval.id, approval);
      this.append(approval.taskId, { type: 'approval-answered', approval }, status('running'));
      this.#finish(approval.taskId, 'asks');
      return approval;
    },
  };

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    try {
      const url = new URL(request.url ?? '', 'http://localhost');
      const { name, params } = route(request.method ?? '', url.pathname);
      if (name !== 'getHealth' && request.headers['x-api-key'] !== API_KEY) {
        throw new ShadowError('UNAUTHENTICATED', 'Sign in first.');
      }
      const answer = this.#answers[name]?.({
        params,
        query: url.searchParams,
        body: text === '' ? undefined : JSON.parse(text),
      });
      response.writeHead(endpoints[name].status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(endpoints[name].response.parse(answer)));
    } catch (thrown) {
      const error = toShadowError(thrown);
      response.writeHead(error.status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: error.toOperationError() }));
    }
  }
}

function status(value: TaskStatus): TaskEventBody {
  return { type: 'status', status: value, error: null };
}

function route(method: string, path: string): { name: OperationId; params: Record<string, string> } {
  for (const name of Object.keys(endpoints) as OperationId[]) {
    const pattern = endpoints[name].path.replace(/:([A-Za-z]+)/g, '(?<$1>[^/]+)');
    const match = new RegExp(`^/base/api${pattern}$`).exec(path);
    if (match !== null && endpoints[name].method === method.toLowerCase())
      return { name, params: { ...match.groups } };
  }
  throw new ShadowError('NOT_FOUND', 'No such endpoint.');
}
