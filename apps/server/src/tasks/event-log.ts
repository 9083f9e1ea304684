import { randomUUID } from 'node:crypto';
import type { Prisma, PrismaClient } from '@shadow/db';
import {
  ShadowError,
  type TaskEvent,
  type TaskEventBody,
  TaskEvent as TaskEventSchema,
} from '@shadow/protocol';
import type { Logger } from 'pino';
import type { EventLog } from './contracts.ts';
import { isConnectionLoss, retryWhileAway } from './database-errors.ts';
import { isListed, isWithinTurn } from './event-kinds.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { type Replicas, TELL_OF_EVENTS } from './replicas.ts';
import { toStorableJson } from './storable-json.ts';

interface TaskRef {
  taskId: string;
  userId: string;
}
type Batch = { taskId: string; userId: string; events: TaskEvent[] };
type Listener = (batch: Batch) => void;
type Transaction = Prisma.TransactionClient;

/** Milliseconds that a transaction may wait for a connection, and then take: a busy disk is no reason to fail. */
const TRANSACTION = { maxWait: 15_000, timeout: 30_000 } as const;

// One statement allocates the numbers and stores the events, so that no number is ever without its event.
const INSERT = `
  WITH task AS (
    UPDATE "Task" SET "lastSeq" = "lastSeq" + $2::int WHERE id = $1
    RETURNING "lastSeq", "userId", ${TELL_OF_EVENTS('$5', '$6')} AS told
  )
  INSERT INTO "TaskEvent" ("taskId", seq, "userId", type, data, batch, "createdAt")
  SELECT $1, task."lastSeq" - $2::int + event.ord::int, task."userId", event.value->>'type', event.value, $4::uuid, now()
  FROM task, jsonb_array_elements($3::jsonb) WITH ORDINALITY AS event(value, ord)
  RETURNING seq, "createdAt"`;

interface StoredRow {
  seq: number;
  createdAt: Date;
}

interface Waiting {
  bodies: readonly TaskEventBody[];
  resolve(events: TaskEvent[]): void;
  reject(reason: unknown): void;
}

/**
 * The append-only log over PostgreSQL. Appends of one task that arrive while one is being stored share the next
 * statement; batches are announced in order of seq and only once they are durable.
 */
export class PostgresEventLog implements EventLog {
  readonly #prisma: PrismaClient;
  readonly #log: Logger;
  readonly #replicas: Replicas | undefined;
  readonly #listeners = new Set<Listener>();
  readonly #waiting = new Map<string, Waiting[]>();
  readonly #order = new KeyedQueue();

  /** @param replicas told of what is stored; without them this is the only server on the database */
  constructor(prisma: PrismaClient, log: Logger, replicas?: Replicas) {
    this.#prisma = prisma;
    this.#replicas = replicas;
    this.#log = log.child({ component: 'EVENT_LOG' });
  }

  append(task: TaskRef, bodies: readonly TaskEventBody[]): Promise<TaskEvent[]> {
    if (bodies.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(task.taskId);
      if (waiting !== undefined) {
        waiting.push({ bodies, resolve, reject });
        return;
      }
      this.#waiting.set(task.taskId, [{ bodies, resolve, reject }]);
      void this.#order.run(task.taskId, () => this.#drain(task));
    });
  }

  /**
   * Runs `change` in a transaction, stores the events it returns in the same transaction, and announces them after
   * the commit: a state and the event that tells of it are never apart. While the database is away it is tried again,
   * so `change` may run more than once and must not depend on what an earlier run of it did.
   */
  transact<T>(
    task: TaskRef,
    change: (transaction: Transaction) => Promise<{ value: T; events: readonly TaskEventBody[] }>,
  ): Promise<T> {
    return this.#order.run(task.taskId, async () => {
      const { value, events } = await this.#commit(task.taskId, change);
      this.#announce(task, events);
      return value;
    });
  }

  async #commit<T>(
    taskId: string,
    change: (transaction: Transaction) => Promise<{ value: T; events: readonly TaskEventBody[] }>,
  ): Promise<{ value: T; events: TaskEvent[] }> {
    const batch = randomUUID();
    let changed: { value: T; events: TaskEvent[] } | undefined;
    const attempt = () => {
      changed = undefined;
      return this.#prisma.$transaction(async (transaction) => {
        const { value, events } = await change(transaction);
        const stored = events.length === 0 ? [] : await this.#insert(transaction, taskId, events, batch);
        changed = { value, events: stored };
        return changed;
      }, TRANSACTION);
    };
    return retryWhileAway(
      async (number) => {
        // Once the change was made only the commit was left, and its answer may be what was lost.
        if (number > 0 && changed !== undefined && (await this.#findBatch(taskId, batch)).length > 0) {
          return changed;
        }
        return attempt().catch((error: unknown) => {
          if (changed?.events.length === 0 && isConnectionLoss(error)) throw new CommitUnknown(error);
          throw error;
        });
      },
      (error, number) => this.#sayAway(taskId, error, number),
    ).catch((error: unknown) => {
      throw error instanceof CommitUnknown ? error.cause : error;
    });
  }

  async read(
    taskId: string,
    afterSeq: number,
    limit: number,
  ): Promise<{ events: TaskEvent[]; hasMore: boolean }> {
    const rows = await this.#prisma.taskEvent.findMany({
      where: { taskId, seq: { gt: afterSeq } },
      orderBy: { seq: 'asc' },
      take: limit + 1,
      select: { seq: true, data: true, createdAt: true },
    });
    const events = rows.slice(0, limit).map((row) =>
      // What this server stored it had typed; a log written by another version is still parsed.
      TaskEventSchema.parse({ ...(row.data as object), seq: row.seq, at: row.createdAt.toISOString() }),
    );
    return { events, hasMore: rows.length > limit };
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Stores everything that waits for this task in one statement. */
  async #drain(task: TaskRef): Promise<void> {
    const waiting = this.#waiting.get(task.taskId) ?? [];
    this.#waiting.delete(task.taskId);
    const bodies = waiting.flatMap((append) => append.bodies);
    try {
      const events = await this.#store(task.taskId, bodies);
      this.#announce(task, events);
      let taken = 0;
      for (const append of waiting) {
        append.resolve(events.slice(taken, taken + append.bodies.length));
        taken += append.bodies.length;
      }
    } catch (error) {
      for (const append of waiting) append.reject(error);
    }
  }

  async #store(taskId: string, bodies: readonly TaskEventBody[]): Promise<TaskEvent[]> {
    const batch = randomUUID();
    // Commits that notify wait for each other, which is too much for what is stored many times a second: that is told of
    // afterwards, and should the word be lost, by the commit of what always follows it.
    const isToldLate = bodies.every(isWithinTurn);
    const stored = await retryWhileAway(
      async (attempt) => {
        const earlier = attempt === 0 ? [] : await this.#findBatch(taskId, batch);
        if (earlier.length > 0) return withNumbers(bodies, earlier);
        return this.#insert(this.#prisma, taskId, bodies, batch, isToldLate);
      },
      (error, attempt) => this.#sayAway(taskId, error, attempt),
    );
    if (isToldLate) this.#replicas?.tellSoon(taskId, stored.at(-1)?.seq ?? 0);
    return stored;
  }

  #sayAway(taskId: string, error: unknown, attempt: number): void {
    this.#log.warn({ taskId, attempt, err: error }, 'the database is away; trying again');
  }

  /** After a cut connection nobody knows whether the commit happened: the batch's id tells. */
  #findBatch(taskId: string, batch: string): Promise<StoredRow[]> {
    return this.#prisma.taskEvent.findMany({
      where: { taskId, batch },
      orderBy: { seq: 'asc' },
      select: { seq: true, createdAt: true },
    });
  }

  async #insert(
    client: Pick<PrismaClient, '$queryRawUnsafe'>,
    taskId: string,
    bodies: readonly TaskEventBody[],
    batch: string,
    isToldLate = false,
  ): Promise<TaskEvent[]> {
    const rows = await client.$queryRawUnsafe<StoredRow[]>(
      INSERT,
      taskId,
      bodies.length,
      toStorableJson(bodies),
      batch,
      isToldLate ? null : (this.#replicas?.origin ?? null),
      bodies.some(isListed),
    );
    if (rows.length === 0) throw new ShadowError('TASK_NOT_FOUND', 'This task was deleted.');
    return withNumbers(
      bodies,
      rows.sort((a, b) => a.seq - b.seq),
    );
  }

  #announce(task: TaskRef, events: TaskEvent[]): void {
    if (events.length === 0) return;
    for (const listener of this.#listeners) {
      try {
        listener({ ...task, events });
      } catch (error) {
        this.#log.error({ taskId: task.taskId, err: error }, 'a listener of the event log threw');
      }
    }
  }
}

/** Nobody can tell whether a commit without events took place, so it must not be made again. */
class CommitUnknown extends Error {
  constructor(cause: unknown) {
    super('the answer to a commit was lost', { cause });
  }
}

function withNumbers(bodies: readonly TaskEventBody[], rows: readonly StoredRow[]): TaskEvent[] {
  return rows.flatMap((row, index) => {
    const body = bodies[index];
    return body === undefined ? [] : [{ ...body, seq: row.seq, at: row.createdAt.toISOString() }];
  });
}
