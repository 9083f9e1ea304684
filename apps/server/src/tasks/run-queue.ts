import type { AgentExecution, PrismaClient } from '@shadow/db';
import type { Logger } from 'pino';
import { retryWhileAway } from './database-errors.ts';

/** Milliseconds between looks at the queue when nothing wakes it: another server may have died with a slot. */
const LOOK_EVERY_MS = 5000;
/** Milliseconds before the queue looks again after the database failed it. */
const AFTER_FAILURE_MS = 1000;

export interface RunQueueOptions {
  prisma: PrismaClient;
  /** This server's instance number, by which others tell whether it lives. */
  instance: number;
  /** Turns that may run here at once. */
  concurrency: number;
  log: Logger;
  /** Tells other servers that a turn waits which this one has no room for. */
  tellOthers(): void;
  /** Runs one claimed turn to its end; must not throw. */
  run(execution: AgentExecution, signal: AbortSignal): Promise<void>;
}

// The task's slot is what is claimed: of two servers that pick turns of one task, one updates nothing.
const CLAIM = `
  WITH next AS (
    SELECT e.id, e."taskId" FROM "AgentExecution" e JOIN "Task" t ON t.id = e."taskId"
    WHERE e.status = 'QUEUED' AND (t."activeExecutionId" IS NULL OR t."activeExecutionId" = e.id)
      AND t.maintenance IS NULL
    ORDER BY e."queuedAt", e.id LIMIT 1 FOR UPDATE OF e, t SKIP LOCKED
  ), slot AS (
    UPDATE "Task" t SET "activeExecutionId" = next.id FROM next
    WHERE t.id = next."taskId" AND (t."activeExecutionId" IS NULL OR t."activeExecutionId" = next.id)
    RETURNING next.id
  )
  UPDATE "AgentExecution" e SET status = 'RUNNING', "serverInstance" = $1, "startedAt" = coalesce(e."startedAt", now()),
    "stopRequestedAt" = NULL
  FROM slot WHERE e.id = slot.id RETURNING e.id`;

// A claim whose answer was lost with the connection: stored for this server, which knows nothing of it and ran nothing.
const GIVE_BACK = `
  UPDATE "AgentExecution" SET status = 'QUEUED', "serverInstance" = NULL
  WHERE status = 'RUNNING' AND "serverInstance" = $1 AND id <> ALL($2::text[])`;

/**
 * Claims queued turns and runs them, one a task and a bounded number in all. The AgentExecution table is the queue: a
 * turn is never run twice by itself, because only a person can say whether to repeat what an agent half did.
 */
export class RunQueue {
  readonly #options: RunQueueOptions;
  readonly #log: Logger;
  readonly #running = new Map<string, { controller: AbortController; done: Promise<void> }>();
  #looking: Promise<void> | undefined;
  #again = false;
  /** A claim failed without an answer. */
  #inDoubt = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RunQueueOptions) {
    this.#options = options;
    this.#log = options.log.child({ component: 'RUN_QUEUE' });
  }

  /** Looks for work now; called whenever a turn was queued or a slot became free. */
  wake(): void {
    this.#again = true;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
      if (this.#again && !this.#closed) this.wake();
    });
  }

  /** A turn was queued by this server: it is run here, or where there is room. */
  queued(): void {
    if (this.#running.size >= this.#options.concurrency) this.#options.tellOthers();
    this.wake();
  }

  /** Turns that run here. */
  get runningCount(): number {
    return this.#running.size;
  }

  /**
   * Aborts a turn that runs here and waits until it has stored its end.
   * @returns false when it does not run here
   */
  async abort(executionId: string, reason: 'stopped' | 'shutdown'): Promise<boolean> {
    // A claim that was just stored is known here only once its look has come back.
    if (!this.#running.has(executionId)) await this.#looking;
    const run = this.#running.get(executionId);
    if (run === undefined) return false;
    run.controller.abort(reason);
    await run.done;
    return true;
  }

  /** Takes no more work, aborts what runs, and waits for its end. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#looking;
    await Promise.all([...this.#running.keys()].map((id) => this.abort(id, 'shutdown')));
  }

  async #look(): Promise<void> {
    clearTimeout(this.#timer);
    let wait = LOOK_EVERY_MS;
    try {
      while (this.#again && !this.#closed) {
        this.#again = false;
        if (this.#inDoubt) await this.#giveBack();
        await this.#heedStops();
        while (this.#running.size < this.#options.concurrency && (await this.#claim())) {
          // claim until nothing is left or every slot is taken
        }
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'could not look at the queue');
      this.#inDoubt = true;
      wait = AFTER_FAILURE_MS;
    }
    if (!this.#closed) this.#timer = setTimeout(() => this.wake(), wait).unref();
  }

  async #claim(): Promise<boolean> {
    const { prisma, instance } = this.#options;
    const [claimed] = await prisma.$queryRawUnsafe<{ id: string }[]>(CLAIM, instance);
    if (claimed === undefined) return false;
    const controller = new AbortController();
    const done = this.#run(claimed.id, controller.signal).finally(() => {
      this.#running.delete(claimed.id);
      this.wake();
    });
    this.#running.set(claimed.id, { controller, done });
    return true;
  }

  /** Never throws: a turn that could not even be read is given back. */
  async #run(id: string, signal: AbortSignal): Promise<void> {
    try {
      const { prisma, run } = this.#options;
      const execution = await retryWhileAway(() => prisma.agentExecution.findUnique({ where: { id } }));
      // Null when its task was deleted in this moment.
      if (execution === null) return;
      if (execution.stopRequestedAt !== null) this.#running.get(id)?.controller.abort('stopped');
      await run(execution, signal);
    } catch (error) {
      this.#log.error({ executionId: id, err: error }, 'could not run a turn');
      this.#inDoubt = true;
    }
  }

  /** Stops what other servers were asked to stop; they also say so at once, but that may be lost. */
  async #heedStops(): Promise<void> {
    if (this.#running.size === 0) return;
    const asked = await this.#options.prisma.agentExecution.findMany({
      where: { id: { in: [...this.#running.keys()] }, status: 'RUNNING', stopRequestedAt: { not: null } },
      select: { id: true },
    });
    for (const { id } of asked) this.#running.get(id)?.controller.abort('stopped');
  }

  async #giveBack(): Promise<void> {
    const { prisma, instance } = this.#options;
    await prisma.$executeRawUnsafe(GIVE_BACK, instance, [...this.#running.keys()]);
    this.#inDoubt = false;
  }
}
