import { randomUUID } from 'node:crypto';
import type { PrismaClient } from '@shadow/db';
import type { GateStore, StoredApproval, ToolCallEnd, ToolCallStart } from '../agent/contract.ts';
import { retryWhileAway } from './database-errors.ts';
import type { PostgresEventLog } from './event-log.ts';
import { approvalFromRow, kebab } from './rows.ts';
import { storableText, toStorableJson } from './storable-json.ts';

interface Scope {
  taskId: string;
  userId: string;
  executionId: string;
}

/** The gate's audit rows and approvals, over the database. */
export class DatabaseGateStore implements GateStore {
  readonly #prisma: PrismaClient;
  readonly #events: PostgresEventLog;
  readonly #scope: Scope;

  constructor(prisma: PrismaClient, events: PostgresEventLog, scope: Scope) {
    this.#prisma = prisma;
    this.#events = events;
    this.#scope = scope;
  }

  async startToolCall(call: ToolCallStart): Promise<void> {
    const { decision, reason } = call;
    const input = JSON.parse(toStorableJson(call.input ?? null));
    const id = this.#rowId(call.id);
    await retryWhileAway(() =>
      this.#prisma.toolCall.upsert({
        where: { id },
        create: { id, ...this.#scope, tool: call.tool, input, decision, reason },
        update: { decision, reason, startedAt: new Date() },
      }),
    );
  }

  async finishToolCall(end: ToolCallEnd): Promise<void> {
    const { id, summary, durationMs, ...rest } = end;
    const data = { ...rest, summary: storableText(summary), durationMs: Math.round(durationMs) };
    await retryWhileAway(() =>
      this.#prisma.$transaction(async (transaction) => {
        // Counted only by who ends the call, so that a repeat after a lost answer counts nothing.
        const open = { id: this.#rowId(id), outcome: null };
        const { count } = await transaction.toolCall.updateMany({ where: open, data });
        if (count === 0) return;
        await transaction.agentExecution.update({
          where: { id: this.#scope.executionId },
          data: { toolCallsCount: { increment: 1 } },
        });
      }),
    );
  }

  async findApproval(toolCallId: string): Promise<StoredApproval | null> {
    const { taskId } = this.#scope;
    const row = await retryWhileAway(() =>
      this.#prisma.approval.findUnique({ where: { taskId_toolCallId: { taskId, toolCallId } } }),
    );
    if (row === null) return null;
    const { id, scope, note } = approvalFromRow(row);
    return { id, status: kebab(row.status), scope, note };
  }

  async requestApproval(request: {
    toolCallId: string;
    tool: string;
    input: unknown;
    reason: string;
  }): Promise<void> {
    const input = JSON.parse(toStorableJson(request.input ?? null));
    await this.#events.transact(this.#scope, async (transaction) => {
      const approval = await transaction.approval.create({
        data: { id: randomUUID(), ...this.#scope, ...request, input },
      });
      return {
        value: undefined,
        events: [{ type: 'approval-requested', approval: approvalFromRow(approval) }],
      };
    });
  }

  async isAllowedForTask(tool: string): Promise<boolean> {
    const { taskId } = this.#scope;
    const allowed = await this.#prisma.approval.findFirst({
      where: { taskId, tool, status: 'ALLOWED', scope: 'task' },
      select: { id: true },
    });
    return allowed !== null;
  }

  /** Providers choose tool-call ids; two tasks may be given the same one. */
  #rowId(toolCallId: string): string {
    return `${this.#scope.taskId}:${toolCallId}`;
  }
}
