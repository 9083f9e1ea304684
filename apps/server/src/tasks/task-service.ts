import { randomUUID } from 'node:crypto';
import type { AgentExecution, PrismaClient, Task as TaskRow } from '@shadow/db';
import {
  type Approval,
  type CreateTaskRequest,
  type GitDiffResult,
  type OutputFrame,
  type OutputPage,
  ShadowError,
  type Task,
  type UpdateTaskRequest,
  unwrap,
} from '@shadow/protocol';
import type { ToolExecutor } from '../execution/interfaces/tool-executor.ts';
import type { WorkspaceManager } from '../execution/interfaces/workspace-manager.ts';
import type { TaskService } from './contracts.ts';
import type { PostgresEventLog } from './event-log.ts';
import type { InitializationEngine } from './initialization.ts';
import { refuseWhileRemoved } from './maintenance.ts';
import { outputPage } from './process-output.ts';
import type { Replicas } from './replicas.ts';
import { approvalFromRow, constant, kebab, taskFromRow } from './rows.ts';
import type { RunQueue } from './run-queue.ts';
import { requestStop, waitUntilEnded } from './stop-request.ts';
import { storableText } from './storable-json.ts';
import type { TaskArchive } from './task-archive.ts';
import type { TaskListChanges } from './task-changes.ts';
import { newTaskId } from './task-id.ts';
import { titleFrom } from './task-names.ts';
import { TaskQueries } from './task-queries.ts';
import type { WorkspaceKeeper } from './workspace-keeper.ts';

export interface TaskServiceOptions {
  prisma: PrismaClient;
  events: PostgresEventLog;
  changes: TaskListChanges;
  workspaces: WorkspaceManager;
  initialization: InitializationEngine;
  queue: RunQueue;
  replicas: Replicas;
  archive: TaskArchive;
  keeper: WorkspaceKeeper;
  /** Parses the repository and refuses what may not be used. @throws ShadowError */
  checkRepository(userId: string, repository: string): Promise<void>;
  /** The model a task runs with: the one asked for, known and usable, or the default. @throws ShadowError */
  chooseModel(userId: string, wanted: string | undefined): Promise<{ model: string; runner: string }>;
}

/** A turn to be queued. Without `promptMessageId` its prompt is a new message; with null there is none. */
interface QueuedTurn {
  runner: string;
  model: string;
  prompt: string | null;
  promptMessageId?: string | null;
}

/** Everything that can be done with tasks; each change is one transaction with the events that tell of it. */
export class DatabaseTaskService extends TaskQueries implements TaskService {
  readonly changes: TaskListChanges;
  readonly #options: TaskServiceOptions;
  readonly #prisma: PrismaClient;
  readonly #events: PostgresEventLog;

  constructor(options: TaskServiceOptions) {
    super(options.prisma, options.events);
    this.#options = options;
    this.#prisma = options.prisma;
    this.#events = options.events;
    this.changes = options.changes;
  }

  async create(userId: string, request: CreateTaskRequest): Promise<Task> {
    this.#refuseUnsupported(request);
    await this.#options.checkRepository(userId, request.repository);
    const { model, runner } = await this.#options.chooseModel(userId, request.model);
    const taskId = newTaskId();
    const prompt = storableText(request.prompt);
    const task = await this.#events.transact({ taskId, userId }, async (transaction) => {
      const row = await transaction.task.create({
        data: {
          id: taskId,
          userId,
          title: titleFrom(prompt),
          repository: request.repository,
          baseBranch: request.baseBranch ?? null,
          model,
          permissionMode: constant(request.permissionMode ?? 'auto'),
          budgetUsd: request.budgetUsd ?? null,
          ...(request.resources === undefined ? {} : { resources: request.resources }),
        },
      });
      const steps = this.#options.initialization.plan();
      await transaction.initStep.createMany({ data: steps.map((step) => ({ ...step, taskId, userId })) });
      const messageId = randomUUID();
      await transaction.agentExecution.create({
        data: { taskId, userId, runner, model, prompt, promptMessageId: messageId },
      });
      return {
        value: row,
        events: [
          { type: 'status', status: 'queued', error: null },
          { type: 'user-message', messageId, text: prompt },
        ],
      };
    });
    this.#options.queue.queued();
    return taskFromRow({ ...task, lastSeq: 2 });
  }

  async sendMessage(
    userId: string,
    taskId: string,
    text: string,
  ): Promise<{ messageId: string; executionId: string }> {
    const task = await this.row(userId, taskId);
    if (task.status === 'ARCHIVED') {
      throw new ShadowError(
        'TASK_STATE_CONFLICT',
        'This task is archived: its workspace is gone. Start a new task from its branch.',
      );
    }
    const { model, runner } = await this.#options.chooseModel(userId, task.model);
    const sent = await this.#queueTurn(task, { runner, model, prompt: storableText(text) });
    this.#options.queue.queued();
    return sent;
  }

  async update(userId: string, taskId: string, change: UpdateTaskRequest): Promise<Task> {
    await this.row(userId, taskId);
    const { title, permissionMode, budgetUsd } = change;
    const row = await this.#events.transact({ taskId, userId }, async (transaction) => {
      const value = await transaction.task.update({
        where: { id: taskId },
        data: {
          ...(title === undefined ? {} : { title: storableText(title) }),
          ...(permissionMode === undefined ? {} : { permissionMode: constant(permissionMode) }),
          ...(budgetUsd === undefined ? {} : { budgetUsd }),
        },
      });
      return { value, events: title === undefined ? [] : [{ type: 'title', title: value.title }] };
    });
    return taskFromRow(row);
  }

  async stop(userId: string, taskId: string): Promise<Task> {
    await this.row(userId, taskId);
    const { queue, replicas } = this.#options;
    await this.#events.transact({ taskId, userId }, async (transaction) => {
      // Waiting turns first, so that none starts when the running one gives its slot back.
      const ended = { status: 'STOPPED', finishedAt: new Date() } as const;
      const waiting = { taskId, status: { in: ['QUEUED', 'AWAITING_APPROVAL'] } } as const;
      const stopped = await transaction.agentExecution.updateMany({
        where: { taskId, status: { in: [...waiting.status.in] } },
        data: ended,
      });
      await transaction.approval.updateMany({
        where: { taskId, status: 'PENDING' },
        data: { status: 'EXPIRED' },
      });
      const running = await requestStop(transaction, replicas, taskId);
      if (stopped.count === 0 || running > 0) return { value: undefined, events: [] };
      await transaction.task.update({
        where: { id: taskId },
        data: { status: 'STOPPED', activeExecutionId: null },
      });
      return { value: undefined, events: [{ type: 'status', status: 'stopped', error: null }] };
    });
    // Read only now: a turn may have been claimed since the request came.
    const { activeExecutionId } = await this.row(userId, taskId);
    if (activeExecutionId !== null && !(await queue.abort(activeExecutionId, 'stopped'))) {
      await waitUntilEnded(this.#prisma, activeExecutionId);
    }
    return this.get(userId, taskId);
  }

  async retry(userId: string, taskId: string): Promise<Task> {
    const task = await this.row(userId, taskId);
    if (!['FAILED', 'INTERRUPTED', 'STOPPED'].includes(task.status)) {
      throw new ShadowError(
        'TASK_STATE_CONFLICT',
        `This task is ${kebab(task.status)}: there is nothing to try again.`,
      );
    }
    const last = await this.#prisma.agentExecution.findFirstOrThrow({
      where: { taskId },
      orderBy: [{ queuedAt: 'desc' }, { id: 'desc' }],
    });
    await this.#queueTurn(task, await this.#repeatOf(last));
    this.#options.queue.queued();
    return this.get(userId, taskId);
  }

  async answerApproval(
    userId: string,
    taskId: string,
    approvalId: string,
    answer: { decision: 'allow' | 'deny'; scope?: 'once' | 'task' | undefined; note?: string | undefined },
  ): Promise<Approval> {
    await this.row(userId, taskId);
    const approval = await this.#events.transact({ taskId, userId }, async (transaction) => {
      const status = answer.decision === 'allow' ? 'ALLOWED' : 'DENIED';
      const { count } = await transaction.approval.updateMany({
        where: { id: approvalId, taskId, userId, status: 'PENDING' },
        data: { status, scope: answer.scope ?? 'once', note: answer.note ?? null, answeredAt: new Date() },
      });
      const row = await transaction.approval.findFirst({ where: { id: approvalId, taskId, userId } });
      if (row === null) throw new ShadowError('APPROVAL_NOT_FOUND', 'There is no such question.');
      if (count === 0)
        throw new ShadowError('TASK_STATE_CONFLICT', `This question was already ${kebab(row.status)}.`);
      await transaction.agentExecution.updateMany({
        where: { id: row.executionId, status: 'AWAITING_APPROVAL' },
        data: { status: 'QUEUED' },
      });
      const answered = approvalFromRow(row);
      return { value: answered, events: [{ type: 'approval-answered', approval: answered }] };
    });
    this.#options.queue.queued();
    return approval;
  }

  async archive(userId: string, taskId: string): Promise<Task> {
    const task = await this.row(userId, taskId);
    if (task.status === 'ARCHIVED') return taskFromRow(task);
    await this.#options.keeper.archive(task);
    return this.get(userId, taskId);
  }

  async delete(userId: string, taskId: string, options: { discardWork: boolean }): Promise<void> {
    await this.#options.keeper.delete(await this.row(userId, taskId), options);
  }

  async diff(
    userId: string,
    taskId: string,
    query: { path?: string | undefined; contextLines: number },
  ): Promise<GitDiffResult> {
    const task = await this.row(userId, taskId);
    if (task.baseCommit === null) {
      throw new ShadowError(
        'WORKSPACE_NOT_READY',
        'The workspace is not ready yet, so there is nothing to compare.',
      );
    }
    const isArchived = task.status === 'ARCHIVED';
    if (isArchived || (await this.#isSuspended(taskId))) {
      return this.#options.archive.diff(taskId, query.path, isArchived);
    }
    const executor = await this.#executor(taskId);
    const { contextLines, path } = query;
    const diff = await executor.gitDiff({
      base: task.baseCommit,
      contextLines,
      ...(path === undefined ? {} : { path }),
    });
    const { success: _, ...result } = unwrap(diff);
    return result;
  }

  async readOutput(
    userId: string,
    taskId: string,
    processId: string,
    query: { fromOffset: number; maxBytes: number },
  ): Promise<OutputPage> {
    await this.row(userId, taskId);
    const executor = await this.#executor(taskId);
    unwrap(await executor.getProcess({ processId }));
    return outputPage(processId, query.fromOffset, executor.readOutput({ processId, ...query }), async () => {
      return unwrap(await executor.getProcess({ processId })).process.state === 'running';
    });
  }

  async *followOutput(
    userId: string,
    taskId: string,
    processId: string,
    fromOffset: number,
    signal: AbortSignal,
  ): AsyncIterable<OutputFrame> {
    await this.row(userId, taskId);
    const found = await this.#options.workspaces.getExecutor(taskId);
    if (!found.success) {
      yield { type: 'error', error: found.error };
      return;
    }
    yield* found.executor.readOutput({ processId, fromOffset, follow: true }, { signal });
  }

  async #queueTurn(task: TaskRow, turn: QueuedTurn): Promise<{ messageId: string; executionId: string }> {
    const { id: taskId, userId } = task;
    const isNew = turn.promptMessageId === undefined;
    const messageId = turn.promptMessageId ?? randomUUID();
    return this.#events.transact({ taskId, userId }, async (transaction) => {
      await refuseWhileRemoved(transaction, taskId);
      const execution = await transaction.agentExecution.create({
        data: { ...turn, taskId, userId, promptMessageId: turn.prompt === null ? null : messageId },
      });
      // updateMany, for it is a condition: a task that runs or waits for an answer keeps saying so.
      const idle = { id: taskId, activeExecutionId: null };
      const { count } = await transaction.task.updateMany({
        where: idle,
        data: { status: 'QUEUED', errorCode: null, errorMessage: null },
      });
      const queued = count === 0 ? [] : [{ type: 'status', status: 'queued', error: null } as const];
      const message = isNew ? [{ type: 'user-message', messageId, text: turn.prompt ?? '' } as const] : [];
      return { value: { messageId, executionId: execution.id }, events: [...queued, ...message] };
    });
  }

  /** The turn that tries a failed one again: with its message while the conversation lacks it, else going on from there. */
  async #repeatOf(last: AgentExecution): Promise<QueuedTurn> {
    const { runner, model, prompt, promptMessageId, taskId } = last;
    const newest = await this.#prisma.message.findFirst({ where: { taskId }, orderBy: { position: 'desc' } });
    const joined = promptMessageId === null || newest?.executionId === last.id;
    if (!joined) return { runner, model, prompt, promptMessageId };
    // Providers want the last word to be a person's or a tool's.
    return newest?.role === 'ASSISTANT'
      ? { runner, model, prompt: 'Go on where you stopped.' }
      : { runner, model, prompt: null, promptMessageId: null };
  }

  async #isSuspended(taskId: string): Promise<boolean> {
    const suspended = { taskId, status: 'SUSPENDED' } as const;
    return (await this.#prisma.workspace.count({ where: suspended })) > 0;
  }

  #refuseUnsupported({ resources }: CreateTaskRequest): void {
    if (resources === undefined || this.#options.workspaces.capabilities.taskResources) return;
    throw new ShadowError(
      'UNSUPPORTED',
      'This installation cannot bound the processors and memory of a task: only AGENT_MODE=remote can. Leave them out.',
    );
  }

  async #executor(taskId: string): Promise<ToolExecutor> {
    return unwrap(await this.#options.workspaces.getExecutor(taskId)).executor;
  }
}
