import type { AgentExecution, PrismaClient } from '@shadow/db';
import { MessagePart, type TaskEventBody, type ToolCallPart, type ToolResultPart } from '@shadow/protocol';
import type { Logger } from 'pino';
import * as z from 'zod';
import type { WorkspaceManager } from '../execution/interfaces/workspace-manager.ts';
import type { PostgresEventLog } from './event-log.ts';
import { appendMessage } from './journal.ts';
import { executionFromRow } from './rows.ts';

export const INTERRUPTED_MESSAGE =
  'The server ended while this turn ran. Everything up to there is kept; send a message, or retry, to go on.';

const LOST_RESULT =
  'The server ended while this call ran, so its outcome is unknown. Look at the present state before you repeat it.';

export interface RecoveryOptions {
  prisma: PrismaClient;
  events: PostgresEventLog;
  workspaces: WorkspaceManager;
  log: Logger;
  /** Whether the server with this instance number still holds its lock. */
  isInstanceAlive(instance: number): Promise<boolean>;
}

/**
 * Finds turns whose server died and says so: the turn and its task become interrupted, calls that were under way are
 * marked lost, and the conversation is given the results a provider needs to go on.
 * @returns the number of turns that were found
 */
export async function recoverInterruptedTurns(options: RecoveryOptions): Promise<number> {
  const running = await options.prisma.agentExecution.findMany({ where: { status: 'RUNNING' } });
  let recovered = 0;
  for (const execution of running) {
    const { serverInstance } = execution;
    if (serverInstance !== null && (await options.isInstanceAlive(serverInstance))) continue;
    await recoverTurn(options, execution);
    await endForegroundCommands(options.workspaces, execution.taskId);
    recovered += 1;
  }
  return recovered;
}

async function recoverTurn(
  { prisma, events, log }: RecoveryOptions,
  execution: AgentExecution,
): Promise<void> {
  const { id: executionId, taskId, userId } = execution;
  const scope = { taskId, userId, executionId };
  const open = await openToolCalls(prisma, taskId);
  const error = { code: 'TASK_INTERRUPTED', message: INTERRUPTED_MESSAGE } as const;
  await events.transact(scope, async (transaction) => {
    if (open.length > 0) {
      const results = open.map(lostResult);
      await appendMessage(transaction, scope, { id: `${executionId}:lost`, role: 'tool', parts: results });
    }
    const started = await transaction.toolCall.findMany({ where: { taskId, outcome: null } });
    await transaction.toolCall.updateMany({
      where: { taskId, outcome: null },
      data: { outcome: 'lost', errorCode: 'TASK_INTERRUPTED' },
    });
    const errors = { errorCode: error.code, errorMessage: error.message };
    const row = await transaction.agentExecution.update({
      where: { id: executionId },
      data: { status: 'INTERRUPTED', serverInstance: null, finishedAt: new Date(), ...errors },
    });
    await transaction.initStep.updateMany({
      where: { taskId, status: 'RUNNING' },
      data: { status: 'PENDING', finishedAt: null },
    });
    await transaction.task.update({
      where: { id: taskId },
      data: { status: 'INTERRUPTED', activeExecutionId: null, ...errors },
    });
    const lost = started.map((call) => lostEvent(call.id.slice(taskId.length + 1), call.tool));
    return { value: undefined, events: [...lost, finishedEvent(row, error), statusEvent(error)] };
  });
  log.warn({ component: 'RECOVERY', taskId, executionId }, 'a turn was interrupted by the end of its server');
}

/** Nobody waits any more for a command of a lost turn; what was started in the background goes on as it was meant to. */
async function endForegroundCommands(workspaces: WorkspaceManager, taskId: string): Promise<void> {
  const found = await workspaces.getExecutor(taskId);
  if (!found.success) return;
  const listed = await found.executor.listProcesses();
  if (!listed.success) return;
  for (const { processId, state, isBackground } of listed.processes) {
    if (state === 'running' && !isBackground)
      await found.executor.signalProcess({ processId, signal: 'SIGKILL' });
  }
}

/** Calls of the last assistant message that no tool message answers. */
async function openToolCalls(prisma: PrismaClient, taskId: string): Promise<ToolCallPart[]> {
  const recent = await prisma.message.findMany({
    where: { taskId },
    orderBy: { position: 'desc' },
    take: 200,
  });
  const answered = new Set<string>();
  for (const message of recent) {
    const parts = z.array(MessagePart).parse(message.parts);
    for (const part of parts) if (part.type === 'tool-result') answered.add(part.toolCallId);
    if (message.role !== 'ASSISTANT') continue;
    return parts.filter((part) => part.type === 'tool-call').filter((part) => !answered.has(part.toolCallId));
  }
  return [];
}

function lostResult(call: ToolCallPart): ToolResultPart {
  return {
    type: 'tool-result',
    toolCallId: call.toolCallId,
    tool: call.tool,
    output: LOST_RESULT,
    isError: true,
  };
}

function lostEvent(toolCallId: string, tool: string): TaskEventBody {
  return {
    type: 'tool-result',
    toolCallId,
    tool,
    outcome: 'lost',
    summary: 'interrupted',
    preview: LOST_RESULT,
    durationMs: 0,
    processId: null,
    exitCode: null,
    additions: null,
    deletions: null,
    error: null,
  };
}

function finishedEvent(
  row: AgentExecution,
  error: { code: 'TASK_INTERRUPTED'; message: string },
): TaskEventBody {
  const durationMs = row.startedAt === null ? 0 : Date.now() - row.startedAt.getTime();
  const { usage } = executionFromRow(row);
  return { type: 'turn-finished', executionId: row.id, status: 'interrupted', usage, durationMs, error };
}

function statusEvent(error: { code: 'TASK_INTERRUPTED'; message: string }): TaskEventBody {
  return { type: 'status', status: 'interrupted', error };
}
