import type { PrismaClient, Task as TaskRow } from '@shadow/db';
import type {
  Approval,
  Execution,
  InitStep,
  Message,
  Task,
  TaskEvent,
  ToolCallRecord,
} from '@shadow/protocol';
import { ShadowError } from '@shadow/protocol';
import type { EventLog } from './contracts.ts';
import {
  approvalFromRow,
  constant,
  executionFromRow,
  initStepFromRow,
  messageFromRow,
  taskFromRow,
  toolCallFromRow,
} from './rows.ts';

/** Reads of tasks. Each is scoped by the user: somebody else's task is not found. */
export class TaskQueries {
  readonly #prisma: PrismaClient;
  readonly #events: EventLog;

  constructor(prisma: PrismaClient, events: EventLog) {
    this.#prisma = prisma;
    this.#events = events;
  }

  /** @throws ShadowError TASK_NOT_FOUND */
  async row(userId: string, taskId: string): Promise<TaskRow> {
    const row = await this.#prisma.task.findFirst({ where: { id: taskId, userId } });
    if (row === null) throw new ShadowError('TASK_NOT_FOUND', 'There is no such task.');
    return row;
  }

  async get(userId: string, taskId: string): Promise<Task> {
    return taskFromRow(await this.row(userId, taskId));
  }

  async list(
    userId: string,
    query: {
      status?: Task['status'] | undefined;
      includeArchived: boolean;
      cursor?: string | undefined;
      limit: number;
    },
  ): Promise<{ tasks: Task[]; nextCursor: string | null }> {
    const hidden =
      query.includeArchived || query.status === 'archived' ? {} : { status: { not: 'ARCHIVED' as const } };
    const rows = await this.#prisma.task.findMany({
      where: {
        userId,
        ...(query.status === undefined ? hidden : { status: constant(query.status) }),
        // Ids are version 7 UUIDs: they sort by time.
        ...(query.cursor === undefined ? {} : { id: { lt: query.cursor } }),
      },
      orderBy: { id: 'desc' },
      take: query.limit + 1,
    });
    const tasks = rows.slice(0, query.limit).map(taskFromRow);
    return { tasks, nextCursor: rows.length > query.limit ? (tasks.at(-1)?.id ?? null) : null };
  }

  async events(
    userId: string,
    taskId: string,
    query: { afterSeq: number; limit: number },
  ): Promise<{ events: TaskEvent[]; hasMore: boolean }> {
    await this.row(userId, taskId);
    return this.#events.read(taskId, query.afterSeq, query.limit);
  }

  async messages(userId: string, taskId: string): Promise<Message[]> {
    await this.row(userId, taskId);
    const rows = await this.#prisma.message.findMany({
      where: { taskId, userId },
      orderBy: { position: 'asc' },
    });
    return rows.map(messageFromRow);
  }

  async executions(userId: string, taskId: string): Promise<Execution[]> {
    await this.row(userId, taskId);
    const rows = await this.#prisma.agentExecution.findMany({
      where: { taskId, userId },
      orderBy: [{ queuedAt: 'asc' }, { id: 'asc' }],
    });
    return rows.map(executionFromRow);
  }

  async initSteps(userId: string, taskId: string): Promise<InitStep[]> {
    await this.row(userId, taskId);
    const rows = await this.#prisma.initStep.findMany({
      where: { taskId, userId },
      orderBy: { position: 'asc' },
    });
    return rows.map(initStepFromRow);
  }

  async toolCalls(userId: string, taskId: string): Promise<ToolCallRecord[]> {
    await this.row(userId, taskId);
    const rows = await this.#prisma.toolCall.findMany({
      where: { taskId, userId },
      orderBy: { startedAt: 'asc' },
    });
    return rows.map(toolCallFromRow);
  }

  async approvals(userId: string, taskId: string): Promise<Approval[]> {
    await this.row(userId, taskId);
    const rows = await this.#prisma.approval.findMany({
      where: { taskId, userId },
      orderBy: { createdAt: 'asc' },
    });
    return rows.map(approvalFromRow);
  }
}
