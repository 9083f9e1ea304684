import { setTimeout as delay } from 'node:timers/promises';
import type { AgentExecution, PrismaClient, Task as TaskRow } from '@shadow/db';
import {
  type ErrorCode,
  type ExecutionStatus,
  ShadowError,
  type TaskStatus,
  toShadowError,
} from '@shadow/protocol';
import type { Logger } from 'pino';
import type { AgentRunner, GateContext, ToolGate, TurnOutcome } from '../agent/contract.ts';
import type { ToolExecutor } from '../execution/interfaces/tool-executor.ts';
import type { WorkspaceManager } from '../execution/interfaces/workspace-manager.ts';
import { commitTurn } from './commit-turn.ts';
import { databaseFailure, isConnectionLoss, retryWhileAway } from './database-errors.ts';
import type { PostgresEventLog } from './event-log.ts';
import { DatabaseGateStore } from './gate-store.ts';
import type { InitializationEngine } from './initialization.ts';
import { appendMessage, DatabaseTurnJournal } from './journal.ts';
import { logInternal } from './log-internal.ts';
import { constant, executionFromRow, kebab, messageFromRow } from './rows.ts';
import { systemPrompt } from './system-prompt.ts';
import { branchFor } from './task-names.ts';
import { watchFiles } from './watch-files.ts';

export interface TurnExecutorOptions {
  prisma: PrismaClient;
  events: PostgresEventLog;
  workspaces: WorkspaceManager;
  initialization: InitializationEngine;
  createRunner(userId: string, model: string): Promise<AgentRunner>;
  createGate(context: GateContext): ToolGate;
  /** Milliseconds a turn may take. */
  executionTimeoutMs: number;
  commandTimeoutMs: number;
  log: Logger;
}

/** Milliseconds before the end of a turn is stored again; each attempt goes on trying by itself already. */
const FINISH_AGAIN_MS = 1000;

type End = { status: ExecutionStatus; error: { code: ErrorCode; message: string } | null };

/** Runs one claimed turn from its workspace to its commit, and stores how it ended, whatever happens. */
export class TurnExecutor {
  readonly #options: TurnExecutorOptions;
  readonly #log: Logger;

  constructor(options: TurnExecutorOptions) {
    this.#options = options;
    this.#log = options.log.child({ component: 'TURN' });
  }

  /**
   * A failure is the turn's end, and stored as such.
   * @throws when the turn's task cannot be read; nothing was done then
   */
  async run(execution: AgentExecution, signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    const task = await retryWhileAway(() =>
      this.#options.prisma.task.findUniqueOrThrow({ where: { id: execution.taskId } }),
    );
    const end = await this.#attempt(task, execution, signal).catch((error: unknown): End => {
      const failed = databaseFailure(error) ?? toShadowError(error);
      logInternal(this.#log, failed, { taskId: task.id, executionId: execution.id }, 'a turn failed');
      return signal.aborted
        ? { status: stoppedAs(signal), error: null }
        : { status: 'failed', error: { code: failed.code, message: failed.message } };
    });
    await this.#finish(task, execution, end, performance.now() - startedAt, signal);
  }

  async #attempt(task: TaskRow, execution: AgentExecution, signal: AbortSignal): Promise<End> {
    const { workspaces, initialization, executionTimeoutMs } = this.#options;
    // Stored while the work has begun already; what is stored for one task keeps its order.
    const told = task.baseCommit === null ? this.#setStatus(task, 'initializing') : Promise.resolve();
    told.catch(() => undefined);
    await initialization.ensureReady(task, task.branch ?? branchFor(task), signal);
    await told;
    const ready = await this.#begin(task, execution);
    const found = await workspaces.getExecutor(task.id);
    if (!found.success) throw ShadowError.from(found.error);
    const limited = AbortSignal.any([signal, AbortSignal.timeout(executionTimeoutMs)]);
    const outcome = await this.#runAgent(ready, execution, found.executor, limited);
    if (outcome.status === 'completed' || outcome.status === 'budget-exceeded') {
      await commitTurn(this.#options, ready, execution, found.executor);
    }
    return this.#endOf(outcome, signal, limited);
  }

  async #runAgent(
    task: TaskRow,
    execution: AgentExecution,
    executor: ToolExecutor,
    signal: AbortSignal,
  ): Promise<TurnOutcome> {
    const { prisma, events, commandTimeoutMs } = this.#options;
    const scope = { taskId: task.id, userId: task.userId, executionId: execution.id };
    const journal = new DatabaseTurnJournal(prisma, events, scope);
    const store = new DatabaseGateStore(prisma, events, scope);
    const runner = await this.#options.createRunner(task.userId, execution.model);
    const gate = this.#options.createGate({
      taskId: task.id,
      executionId: execution.id,
      permissionMode: kebab(task.permissionMode),
      executor,
      journal,
      store,
      commandTimeoutMs,
    });
    const rows = await retryWhileAway(() =>
      prisma.message.findMany({ where: { taskId: task.id }, orderBy: { position: 'asc' } }),
    );
    const turn = {
      ...scope,
      model: execution.model,
      systemPrompt: systemPrompt(task),
      history: rows.map(messageFromRow),
      remainingBudgetUsd: task.budgetUsd === null ? null : Number(task.budgetUsd) - Number(task.costUsd),
    };
    await using _watch = watchFiles(executor, journal, this.#log);
    const outcome = await runner.run(turn, { gate, journal, signal });
    await journal.flush();
    return outcome;
  }

  /** Marks the task as running and lets the turn's message join the conversation, both or neither. */
  #begin(task: TaskRow, execution: AgentExecution): Promise<TaskRow> {
    const scope = { taskId: task.id, userId: task.userId, executionId: execution.id };
    return this.#options.events.transact(scope, async (transaction) => {
      const { prompt, promptMessageId } = execution;
      if (prompt !== null && promptMessageId !== null) {
        const known = await transaction.message.findUnique({ where: { id: promptMessageId } });
        const message = {
          id: promptMessageId,
          role: 'user',
          parts: [{ type: 'text', text: prompt }],
        } as const;
        if (known === null)
          await appendMessage(transaction, scope, { ...message, parts: [...message.parts] });
      }
      const row = await transaction.task.update({
        where: { id: task.id },
        data: { status: 'RUNNING', errorCode: null, errorMessage: null },
      });
      const { id: executionId, runner, model } = execution;
      const resumed = (await transaction.approval.count({ where: { executionId } })) > 0;
      return {
        value: row,
        events: [
          { type: 'status', status: 'running', error: null },
          { type: 'turn-started', executionId, runner, model, resumed },
        ],
      };
    });
  }

  async #setStatus(task: TaskRow, status: TaskStatus): Promise<void> {
    await this.#options.events.transact({ taskId: task.id, userId: task.userId }, async (transaction) => {
      await transaction.task.update({ where: { id: task.id }, data: { status: constant(status) } });
      return { value: undefined, events: [{ type: 'status', status, error: null }] };
    });
  }

  #endOf(outcome: TurnOutcome, signal: AbortSignal, limited: AbortSignal): End {
    if (outcome.status === 'stopped') {
      if (signal.aborted || !limited.aborted) return { status: stoppedAs(signal), error: null };
      const seconds = Math.round(this.#options.executionTimeoutMs / 1000);
      const message = `The turn was stopped after ${seconds} s (EXECUTION_TIMEOUT_MS). What it did is kept; send a message to go on.`;
      return { status: 'failed', error: { code: 'TIMEOUT', message } };
    }
    if (outcome.status === 'failed') return { status: 'failed', error: outcome.error };
    if (outcome.status === 'budget-exceeded') {
      const message =
        'The budget of this task is spent. What was done is kept; raise the budget in a new task or go on there.';
      return { status: 'budget-exceeded', error: { code: 'BUDGET_EXCEEDED', message } };
    }
    return { status: outcome.status, error: null };
  }

  /**
   * Stores the end. While the database is away, on a full disk for hours, it is tried again for as long as this server
   * lives: a turn must not end untold. The next start finds what was not stored by its dead instance.
   */
  async #finish(
    task: TaskRow,
    execution: AgentExecution,
    end: End,
    durationMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.#storeEnd(task, execution, end, durationMs);
        return;
      } catch (error) {
        this.#log.error(
          { executionId: execution.id, attempt, err: error },
          'could not store how a turn ended',
        );
        if (!isConnectionLoss(error) || signal.reason === 'shutdown') return;
        await delay(FINISH_AGAIN_MS);
      }
    }
  }

  #storeEnd(task: TaskRow, execution: AgentExecution, end: End, durationMs: number): Promise<void> {
    const waiting = end.status === 'awaiting-approval';
    return this.#options.events.transact({ taskId: task.id, userId: task.userId }, async (transaction) => {
      const errors = { errorCode: end.error?.code ?? null, errorMessage: end.error?.message ?? null };
      const row = await transaction.agentExecution.update({
        where: { id: execution.id },
        data: {
          status: constant(end.status),
          serverInstance: null,
          ...errors,
          ...(waiting ? {} : { finishedAt: new Date() }),
        },
      });
      const queued = await transaction.agentExecution.count({ where: { taskId: task.id, status: 'QUEUED' } });
      const status = taskStatusAfter(end.status, queued);
      await transaction.task.update({
        where: { id: task.id },
        data: {
          status: constant(status),
          ...errors,
          // A question keeps the task's slot, so that later messages wait behind its answer.
          ...(waiting ? {} : { activeExecutionId: null }),
        },
      });
      const { usage } = executionFromRow(row);
      const finished = {
        type: 'turn-finished',
        executionId: execution.id,
        status: end.status,
        usage,
      } as const;
      return {
        value: undefined,
        events: [
          { ...finished, durationMs, error: end.error },
          { type: 'status', status, error: end.error },
        ],
      };
    });
  }
}

function stoppedAs(signal: AbortSignal): 'stopped' | 'interrupted' {
  return signal.reason === 'shutdown' ? 'interrupted' : 'stopped';
}

/** What a task is after a turn ended so, with other turns waiting or not. */
export function taskStatusAfter(end: ExecutionStatus, queued: number): TaskStatus {
  if (end === 'awaiting-approval') return 'awaiting-approval';
  if (end === 'interrupted') return 'interrupted';
  if (queued > 0) return 'queued';
  if (end === 'completed') return 'ready-for-review';
  return end === 'failed' ? 'failed' : 'stopped';
}
