import {
  type Approval,
  type OutputFrame,
  ShadowError,
  type Task,
  type TaskEvent,
  type TaskEventBody,
} from '@shadow/protocol';
import type { EventLog, RepositoryService, TaskService } from '../../../src/tasks/contracts.ts';

type Batch = { taskId: string; userId: string; events: TaskEvent[] };
type Change = Parameters<Parameters<TaskService['changes']['listen']>[0]>[0];

/** An event log in memory. Storing and announcing are apart, so that a test can put a read between them. */
export class MemoryLog implements EventLog {
  readonly #events = new Map<string, TaskEvent[]>();
  readonly #listeners = new Set<(batch: Batch) => void>();
  /** Awaited by each read after it has taken its page. */
  afterRead: () => Promise<void> = async () => undefined;
  reads = 0;

  async append(
    task: { taskId: string; userId: string },
    bodies: readonly TaskEventBody[],
  ): Promise<TaskEvent[]> {
    const events = this.store(task.taskId, bodies);
    this.announce({ ...task, events });
    return events;
  }

  store(taskId: string, bodies: readonly TaskEventBody[]): TaskEvent[] {
    const all = this.#events.get(taskId) ?? [];
    const events = bodies.map((body, index) => ({
      ...body,
      seq: all.length + 1 + index,
      at: new Date().toISOString(),
    }));
    this.#events.set(taskId, [...all, ...events]);
    return events;
  }

  announce(batch: Batch): void {
    for (const listener of this.#listeners) listener(batch);
  }

  lastSeq(taskId: string): number {
    return this.#events.get(taskId)?.length ?? 0;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  async read(taskId: string, afterSeq: number, limit: number) {
    const rest = (this.#events.get(taskId) ?? []).filter((event) => event.seq > afterSeq);
    this.reads += 1;
    await this.afterRead();
    return { events: rest.slice(0, limit), hasMore: rest.length > limit };
  }

  listen(listener: (batch: Batch) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Tasks in memory: enough to see that a request reaches its method with the right arguments. */
export class MemoryTasks implements TaskService {
  readonly #tasks = new Map<string, { userId: string; task: Task }>();
  readonly #listeners = new Set<(change: Change) => void>();
  readonly log: MemoryLog;
  readonly calls: unknown[][] = [];
  output: (signal: AbortSignal, fromOffset: number) => AsyncIterable<OutputFrame> = async function* () {};

  constructor(log: MemoryLog) {
    this.log = log;
  }

  readonly changes = {
    listen: (listener: (change: Change) => void) => {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    },
  };

  announce(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }

  add(userId: string, id: string): Task {
    const now = new Date().toISOString();
    const task: Task = {
      id,
      title: `Task ${id}`,
      status: 'running',
      repository: 'sample',
      baseBranch: null,
      branch: null,
      baseCommit: null,
      headCommit: null,
      model: 'scripted/demo',
      permissionMode: 'auto',
      budgetUsd: null,
      usage: { inputTokens: 0, outputTokens: 0, cachedTokens: 0, reasoningTokens: 0, costUsd: 0 },
      additions: 0,
      deletions: 0,
      lastSeq: 0,
      error: null,
      createdAt: now,
      updatedAt: now,
    };
    this.#tasks.set(id, { userId, task });
    return task;
  }

  async get(userId: string, taskId: string): Promise<Task> {
    const held = this.#tasks.get(taskId);
    if (held === undefined || held.userId !== userId)
      throw new ShadowError('TASK_NOT_FOUND', 'No such task.');
    return { ...held.task, lastSeq: this.log.lastSeq(taskId) };
  }

  async create(userId: string, request: Parameters<TaskService['create']>[1]): Promise<Task> {
    this.calls.push(['create', userId, request]);
    return this.add(userId, `created-${this.#tasks.size}`);
  }

  async list(userId: string, query: Parameters<TaskService['list']>[1]) {
    this.calls.push(['list', userId, query]);
    const own = [...this.#tasks.values()].filter((held) => held.userId === userId);
    return { tasks: own.map((held) => held.task), nextCursor: null };
  }

  async sendMessage(userId: string, taskId: string, text: string) {
    this.calls.push(['sendMessage', userId, taskId, text]);
    return { messageId: 'm', executionId: 'e' };
  }

  update(userId: string, taskId: string, change: object) {
    return this.#called('update', userId, taskId, change);
  }
  stop(userId: string, taskId: string) {
    return this.#called('stop', userId, taskId);
  }
  retry(userId: string, taskId: string) {
    return this.#called('retry', userId, taskId);
  }
  archive(userId: string, taskId: string) {
    return this.#called('archive', userId, taskId);
  }
  async delete(userId: string, taskId: string, options: { discardWork: boolean }) {
    await this.#called('delete', userId, taskId, options);
  }
  async events(userId: string, taskId: string, query: Parameters<TaskService['events']>[2]) {
    await this.#called('events', userId, taskId, query);
    return this.log.read(taskId, query.afterSeq, query.limit);
  }
  messages(userId: string, taskId: string) {
    return this.#called('messages', userId, taskId).then(() => []);
  }
  executions(userId: string, taskId: string) {
    return this.#called('executions', userId, taskId).then(() => []);
  }
  initSteps(userId: string, taskId: string) {
    return this.#called('initSteps', userId, taskId).then(() => []);
  }
  toolCalls(userId: string, taskId: string) {
    return this.#called('toolCalls', userId, taskId).then(() => []);
  }
  approvals(userId: string, taskId: string) {
    return this.#called('approvals', userId, taskId).then(() => []);
  }
  async diff(userId: string, taskId: string, query: Parameters<TaskService['diff']>[2]) {
    await this.#called('diff', userId, taskId, query);
    return { base: '', files: [], additions: 0, deletions: 0 };
  }
  async answerApproval(
    userId: string,
    taskId: string,
    approvalId: string,
    answer: Parameters<TaskService['answerApproval']>[3],
  ): Promise<Approval> {
    await this.#called('answerApproval', userId, taskId, approvalId, answer);
    throw new ShadowError('APPROVAL_NOT_FOUND', 'No such question.');
  }
  async readOutput(
    userId: string,
    taskId: string,
    processId: string,
    query: Parameters<TaskService['readOutput']>[3],
  ) {
    await this.#called('readOutput', userId, taskId, processId, query);
    return { processId, chunks: [], gaps: [], nextOffset: query.fromOffset, running: false };
  }

  followOutput(_user: string, _task: string, _process: string, fromOffset: number, signal: AbortSignal) {
    return this.output(signal, fromOffset);
  }

  async #called(method: string, userId: string, taskId: string, ...rest: unknown[]): Promise<Task> {
    this.calls.push([method, userId, taskId, ...rest]);
    return this.get(userId, taskId);
  }
}

export const memoryRepositories: RepositoryService = {
  suggestions: async () => [{ source: 'sample', name: 'sample', kind: 'sample' }],
  branches: async (_userId, repository) => {
    if (repository === 'broken') throw new TypeError('a bug');
    return { defaultBranch: 'main', branches: ['main', repository] };
  },
};
