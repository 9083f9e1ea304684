import type {
  AgentExecution,
  Approval as ApprovalRow,
  InitStep as InitStepRow,
  Message as MessageRow,
  Task as TaskRow,
  ToolCall as ToolCallRow,
} from '@shadow/db';
import {
  type Approval,
  ApprovalScope,
  ErrorCode,
  type Execution,
  type InitStep,
  InitStepName,
  type Message,
  MessagePart,
  type Task,
  TaskResources,
  type ToolCallRecord,
} from '@shadow/protocol';
import * as z from 'zod';

/** Turns rows into what crosses the wire: enum names to kebab-case, decimals to numbers, dates to ISO 8601. */

type Kebab<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}-${Kebab<Tail>}`
  : Lowercase<S>;

/** `READY_FOR_REVIEW` as `ready-for-review`, in the type too. */
export function kebab<S extends string>(name: S): Kebab<S> {
  return name.toLowerCase().replaceAll('_', '-') as Kebab<S>;
}

/** The way back. */
export function constant<S extends Uppercase<string>>(name: Kebab<S>): S {
  return name.toUpperCase().replaceAll('-', '_') as S;
}

function errorOf(row: { errorCode: string | null; errorMessage: string | null }) {
  if (row.errorCode === null) return null;
  return { code: ErrorCode.catch('INTERNAL').parse(row.errorCode), message: row.errorMessage ?? '' };
}

/** Bounds of a task's own, where it has some. */
export function resourcesOf(row: TaskRow): { resources?: TaskResources } {
  return row.resources === null ? {} : { resources: TaskResources.parse(row.resources) };
}

export function taskFromRow(row: TaskRow): Task {
  return {
    id: row.id,
    title: row.title,
    status: kebab(row.status),
    repository: row.repository,
    baseBranch: row.baseBranch,
    branch: row.branch,
    baseCommit: row.baseCommit,
    headCommit: row.headCommit,
    model: row.model,
    permissionMode: kebab(row.permissionMode),
    budgetUsd: row.budgetUsd === null ? null : Number(row.budgetUsd),
    ...resourcesOf(row),
    usage: {
      inputTokens: row.inputTokens,
      outputTokens: row.outputTokens,
      cachedTokens: row.cachedTokens,
      reasoningTokens: row.reasoningTokens,
      costUsd: Number(row.costUsd),
    },
    additions: row.additions,
    deletions: row.deletions,
    lastSeq: row.lastSeq,
    error: errorOf(row),
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

export function executionFromRow(row: AgentExecution): Execution {
  return {
    id: row.id,
    taskId: row.taskId,
    status: kebab(row.status),
    runner: row.runner,
    model: row.model,
    usage: {
      inputTokens: row.inputTokens,
      outputTokens: row.outputTokens,
      cachedTokens: row.cachedTokens,
      reasoningTokens: row.reasoningTokens,
      costUsd: Number(row.costUsd),
    },
    stepsCount: row.stepsCount,
    toolCallsCount: row.toolCallsCount,
    error: errorOf(row),
    queuedAt: row.queuedAt.toISOString(),
    startedAt: row.startedAt?.toISOString() ?? null,
    finishedAt: row.finishedAt?.toISOString() ?? null,
  };
}

export function messageFromRow(row: MessageRow): Message {
  return {
    id: row.id,
    position: row.position,
    role: kebab(row.role),
    executionId: row.executionId,
    parts: z.array(MessagePart).parse(row.parts),
    createdAt: row.createdAt.toISOString(),
  };
}

export function initStepFromRow(row: InitStepRow): InitStep {
  const { startedAt, finishedAt } = row;
  return {
    name: InitStepName.parse(row.name),
    status: kebab(row.status),
    attempts: row.attempts,
    durationMs: startedAt === null || finishedAt === null ? null : finishedAt.getTime() - startedAt.getTime(),
    error: errorOf(row),
  };
}

export function toolCallFromRow(row: ToolCallRow): ToolCallRecord {
  return {
    // The row's id is the provider's call id behind the task's.
    id: row.id.slice(row.taskId.length + 1),
    executionId: row.executionId,
    tool: row.tool,
    input: row.input,
    decision: z.enum(['allow', 'deny', 'ask']).parse(row.decision),
    reason: row.reason,
    outcome: row.outcome,
    errorCode: row.errorCode,
    summary: row.summary,
    processId: row.processId,
    exitCode: row.exitCode,
    startedAt: row.startedAt.toISOString(),
    durationMs: row.durationMs,
  };
}

export function approvalFromRow(row: ApprovalRow): Approval {
  return {
    id: row.id,
    taskId: row.taskId,
    executionId: row.executionId,
    toolCallId: row.toolCallId,
    tool: row.tool,
    input: row.input,
    reason: row.reason,
    status: kebab(row.status),
    scope: ApprovalScope.nullable().parse(row.scope),
    note: row.note,
    createdAt: row.createdAt.toISOString(),
  };
}
