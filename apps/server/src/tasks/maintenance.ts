import type { Maintenance as Kind, Prisma, PrismaClient, Task as TaskRow, TaskStatus } from '@shadow/db';
import { ShadowError } from '@shadow/protocol';
import type { Liveness } from './liveness.ts';
import { kebab } from './rows.ts';

/** Nothing runs in these, and nothing waits to. */
export const IDLE_STATUSES = ['READY_FOR_REVIEW', 'STOPPED', 'FAILED', 'INTERRUPTED'] as const;

const DOING: Readonly<Record<Kind, string>> = {
  ARCHIVE: 'being archived',
  DELETE: 'being deleted',
  SUSPEND: 'being suspended',
};

type State = Pick<TaskRow, 'status' | 'maintenance' | 'maintenanceInstance'>;

/**
 * Who does what to a task's workspace as a whole. It is recorded before it begins: no turn starts meanwhile, nobody does it
 * twice at once, and what the death of a server cuts off is known and finished by another.
 */
export class Maintenance {
  readonly #prisma: PrismaClient;
  readonly #instance: number;
  readonly #liveness: Liveness;
  /** Tasks that this process is at; a record of this server without one is of a call that ended badly. */
  readonly #underWay = new Set<string>();

  constructor(prisma: PrismaClient, instance: number, liveness: Liveness) {
    this.#prisma = prisma;
    this.#instance = instance;
    this.#liveness = liveness;
  }

  /**
   * Does something to a workspace that nobody else is at. Ends as the work says: `finished` when its own transaction wrote
   * that; what throws leaves the record for the reconciler unless it throws a {@link NothingDone}.
   *
   * @param allowed statuses in which the task may be
   * @throws ShadowError TASK_STATE_CONFLICT when the task is busy, TASK_NOT_FOUND; what the work throws
   */
  async run<T>(
    taskId: string,
    kind: Kind,
    allowed: readonly TaskStatus[],
    work: () => Promise<T>,
  ): Promise<T> {
    if (this.#underWay.has(taskId)) throw conflict('already being looked after');
    this.#underWay.add(taskId);
    try {
      await this.#begin(taskId, kind, allowed);
      return await this.#do(taskId, work);
    } finally {
      this.#underWay.delete(taskId);
    }
  }

  /** Whether what is recorded for a task was left unfinished. */
  async isAbandoned({ id, maintenance, maintenanceInstance: instance }: TaskRow): Promise<boolean> {
    if (maintenance === null || this.#underWay.has(id)) return false;
    return instance === null || instance === this.#instance || (await this.#liveness.isDead(instance));
  }

  async #do<T>(taskId: string, work: () => Promise<T>): Promise<T> {
    const mine = { id: taskId, maintenanceInstance: this.#instance };
    try {
      return await work();
    } catch (error) {
      const nothingDone = error instanceof NothingDone;
      await this.#prisma.task.updateMany({
        where: mine,
        data: nothingDone ? FINISHED : { maintenanceInstance: null },
      });
      throw nothingDone ? error.cause : error;
    }
  }

  async #begin(taskId: string, kind: Kind, allowed: readonly TaskStatus[]): Promise<void> {
    await this.#prisma.$transaction(async (transaction) => {
      const state = await lockTask(transaction, taskId);
      await this.#refuseOthersWork(state, kind);
      if (!allowed.includes(state.status)) throw conflict(`${kebab(state.status)}. Stop it first`);
      // Asked only now that the row is locked: a turn is claimed under the same lock.
      const running = await transaction.agentExecution.count({ where: { taskId, status: 'RUNNING' } });
      if (running > 0) throw conflict('running. Stop it first');
      await transaction.task.update({
        where: { id: taskId },
        data: { maintenance: kind, maintenanceInstance: this.#instance },
      });
    });
  }

  async #refuseOthersWork({ maintenance, maintenanceInstance: by }: State, kind: Kind): Promise<void> {
    if (maintenance === null) return;
    const isLeft = by === null || by === this.#instance || (await this.#liveness.isDead(by));
    // A deletion that began has removed things: nothing else can come of it.
    if (!isLeft || (maintenance === 'DELETE' && kind !== 'DELETE')) throw conflict(DOING[maintenance]);
  }
}

/** Thrown by maintenance work that failed before it changed anything: the task is as it was. */
export class NothingDone extends Error {
  constructor(cause: unknown) {
    super('nothing was done', { cause });
  }
}

/** What the transaction that ends maintenance writes besides. */
export const FINISHED = { maintenance: null, maintenanceInstance: null } as const;

/**
 * Makes sure, under the task's lock, that a turn may be queued.
 * @throws ShadowError TASK_STATE_CONFLICT while the workspace is being taken away
 */
export async function refuseWhileRemoved(
  transaction: Prisma.TransactionClient,
  taskId: string,
): Promise<void> {
  const { maintenance } = await lockTask(transaction, taskId);
  // A suspended workspace is woken by the turn.
  if (maintenance === 'ARCHIVE' || maintenance === 'DELETE') throw conflict(DOING[maintenance]);
}

async function lockTask(transaction: Prisma.TransactionClient, taskId: string): Promise<State> {
  const rows = await transaction.$queryRawUnsafe<State[]>(
    'SELECT status::text, maintenance::text, "maintenanceInstance" FROM "Task" WHERE id = $1 FOR UPDATE',
    taskId,
  );
  const [state] = rows;
  if (state === undefined) throw new ShadowError('TASK_NOT_FOUND', 'There is no such task.');
  return state;
}

function conflict(what: string): ShadowError {
  return new ShadowError('TASK_STATE_CONFLICT', `This task is ${what}.`);
}
