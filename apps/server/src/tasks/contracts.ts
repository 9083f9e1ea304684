import type {
  Approval,
  CreateTaskRequest,
  Endpoints,
  Execution,
  GitDiffResult,
  InitStep,
  Message,
  OutputFrame,
  OutputPage,
  Task,
  TaskEvent,
  TaskEventBody,
  ToolCallRecord,
  UpdateTaskRequest,
} from '@shadow/protocol';
import type * as z from 'zod';

type Query<Name extends keyof Endpoints> = z.output<Endpoints[Name]['query']>;
type Body<Name extends keyof Endpoints> = z.output<Endpoints[Name]['body']>;

/** The append-only log of every task. */
export interface EventLog {
  /** Stores events with the task's next numbers, then tells the listeners. Resolves when they are durable. */
  append(task: { taskId: string; userId: string }, events: readonly TaskEventBody[]): Promise<TaskEvent[]>;
  /** Events after a number, in order. */
  read(taskId: string, afterSeq: number, limit: number): Promise<{ events: TaskEvent[]; hasMore: boolean }>;
  /** Hears every stored batch, in order of seq per task. Returns the way to stop. */
  listen(listener: (batch: { taskId: string; userId: string; events: TaskEvent[] }) => void): () => void;
}

/** Changes of the task list, heard by the realtime gateway. */
export interface TaskChanges {
  listen(
    listener: (change: { userId: string; task: Task } | { userId: string; deletedTaskId: string }) => void,
  ): () => void;
}

/** All that can be done with tasks. Every method is scoped by the user and throws ShadowError. */
export interface TaskService {
  readonly changes: TaskChanges;
  create(userId: string, request: CreateTaskRequest): Promise<Task>;
  get(userId: string, taskId: string): Promise<Task>;
  list(userId: string, query: Query<'listTasks'>): Promise<{ tasks: Task[]; nextCursor: string | null }>;
  sendMessage(
    userId: string,
    taskId: string,
    text: string,
  ): Promise<{ messageId: string; executionId: string }>;
  update(userId: string, taskId: string, change: UpdateTaskRequest): Promise<Task>;
  stop(userId: string, taskId: string): Promise<Task>;
  retry(userId: string, taskId: string): Promise<Task>;
  archive(userId: string, taskId: string): Promise<Task>;
  delete(userId: string, taskId: string, options: { discardWork: boolean }): Promise<void>;
  events(
    userId: string,
    taskId: string,
    query: Query<'listEvents'>,
  ): Promise<{ events: TaskEvent[]; hasMore: boolean }>;
  messages(userId: string, taskId: string): Promise<Message[]>;
  executions(userId: string, taskId: string): Promise<Execution[]>;
  initSteps(userId: string, taskId: string): Promise<InitStep[]>;
  toolCalls(userId: string, taskId: string): Promise<ToolCallRecord[]>;
  diff(userId: string, taskId: string, query: Query<'getDiff'>): Promise<GitDiffResult>;
  approvals(userId: string, taskId: string): Promise<Approval[]>;
  answerApproval(
    userId: string,
    taskId: string,
    approvalId: string,
    answer: Body<'answerApproval'>,
  ): Promise<Approval>;
  readOutput(
    userId: string,
    taskId: string,
    processId: string,
    query: Query<'readOutput'>,
  ): Promise<OutputPage>;
  followOutput(
    userId: string,
    taskId: string,
    processId: string,
    fromOffset: number,
    signal: AbortSignal,
  ): AsyncIterable<OutputFrame>;
}

/** Repositories a user can point a task at. Throws ShadowError. */
export interface RepositoryService {
  suggestions(
    userId: string,
  ): Promise<{ source: string; name: string; kind: 'sample' | 'local' | 'remote' }[]>;
  branches(userId: string, repository: string): Promise<{ defaultBranch: string; branches: string[] }>;
}
