import type { PrismaClient } from '@shadow/db';
import type { MessagePart, MessageRole, TaskEventBody, Usage } from '@shadow/protocol';
import type { TurnJournal } from '../agent/contract.ts';
import { retryWhileAway } from './database-errors.ts';
import type { PostgresEventLog } from './event-log.ts';
import { constant } from './rows.ts';
import { toStorableJson } from './storable-json.ts';

/** Milliseconds and characters after which streamed text is stored and sent on. */
const FLUSH_AFTER_MS = 50;
const FLUSH_AFTER_CHARACTERS = 4096;

type Delta = Extract<TaskEventBody, { type: 'message-delta' }>;

interface JournalTask {
  taskId: string;
  userId: string;
  executionId: string;
}

/** One turn's record. Streamed text is gathered into few events; everything else is durable when awaited. */
export class DatabaseTurnJournal implements TurnJournal {
  readonly #prisma: PrismaClient;
  readonly #events: PostgresEventLog;
  readonly #task: JournalTask;
  #pending: Delta[] = [];
  #pendingCharacters = 0;
  #timer: NodeJS.Timeout | undefined;
  #stored: Promise<unknown> = Promise.resolve();
  #failure: unknown;

  constructor(prisma: PrismaClient, events: PostgresEventLog, task: JournalTask) {
    this.#prisma = prisma;
    this.#events = events;
    this.#task = task;
  }

  async append(...events: TaskEventBody[]): Promise<void> {
    this.#takePending();
    await this.#enqueue(events);
    this.#throwFailure();
  }

  delta(messageId: string, kind: 'text' | 'reasoning', text: string): void {
    if (text === '') return;
    const last = this.#pending.at(-1);
    if (last?.messageId === messageId && last.kind === kind) last.text += text;
    else this.#pending.push({ type: 'message-delta', messageId, kind, text });
    this.#pendingCharacters += text.length;
    if (this.#pendingCharacters >= FLUSH_AFTER_CHARACTERS) this.#takePending();
    else this.#timer ??= setTimeout(() => this.#takePending(), FLUSH_AFTER_MS);
  }

  async saveMessage(message: { id: string; role: MessageRole; parts: MessagePart[] }): Promise<void> {
    await this.flush();
    await retryWhileAway(async (attempt) => {
      const known =
        attempt === 0 ? null : await this.#prisma.message.findUnique({ where: { id: message.id } });
      if (known === null) await appendMessage(this.#prisma, this.#task, message);
    });
  }

  async recordUsage(step: Usage): Promise<void> {
    this.#takePending();
    await this.#stored;
    const { taskId, executionId } = this.#task;
    const sums = {
      inputTokens: { increment: step.inputTokens },
      outputTokens: { increment: step.outputTokens },
      cachedTokens: { increment: step.cachedTokens },
      reasoningTokens: { increment: step.reasoningTokens },
      costUsd: { increment: step.costUsd ?? 0 },
    };
    await this.#events.transact(this.#task, async (transaction) => {
      await transaction.agentExecution.update({
        where: { id: executionId },
        data: { ...sums, stepsCount: { increment: 1 } },
      });
      const task = await transaction.task.update({ where: { id: taskId }, data: sums });
      const total: Usage = {
        inputTokens: task.inputTokens,
        outputTokens: task.outputTokens,
        cachedTokens: task.cachedTokens,
        reasoningTokens: task.reasoningTokens,
        costUsd: Number(task.costUsd),
      };
      return { value: undefined, events: [{ type: 'cost', executionId, step, total }] };
    });
  }

  /** Resolves when everything streamed so far is stored. */
  async flush(): Promise<void> {
    this.#takePending();
    await this.#stored;
    this.#throwFailure();
  }

  #takePending(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pending.length === 0) return;
    const deltas = this.#pending;
    this.#pending = [];
    this.#pendingCharacters = 0;
    // Nobody awaits a delta: its failure is thrown by the next call that is awaited.
    this.#enqueue(deltas).catch((error: unknown) => {
      this.#failure ??= error;
    });
  }

  #enqueue(events: TaskEventBody[]): Promise<unknown> {
    const { taskId, userId } = this.#task;
    const stored = this.#events.append({ taskId, userId }, events);
    this.#stored = stored.catch(() => undefined);
    return stored;
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** Stores a message at the next position of its task; the run slot makes the caller the only writer. */
export async function appendMessage(
  client: Pick<PrismaClient, 'message'>,
  task: Omit<JournalTask, 'executionId'> & { executionId: string | null },
  message: { id: string; role: MessageRole; parts: MessagePart[] },
): Promise<void> {
  const last = await client.message.findFirst({
    where: { taskId: task.taskId },
    orderBy: { position: 'desc' },
    select: { position: true },
  });
  await client.message.create({
    data: {
      id: message.id,
      taskId: task.taskId,
      userId: task.userId,
      executionId: task.executionId,
      position: (last?.position ?? -1) + 1,
      role: constant(message.role),
      parts: JSON.parse(toStorableJson(message.parts)),
    },
  });
}
