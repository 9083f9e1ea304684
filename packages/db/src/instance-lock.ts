import { randomInt } from 'node:crypto';
import pg from 'pg';
import * as z from 'zod';
import { errorMessage } from './errors.ts';
import type { DatabaseLog } from './log.ts';
import { RetryPause } from './retry-pause.ts';

/** First half of the two-part advisory lock keys; tells them from the locks of others in the same database. */
const LOCK_CLASS = 0x5d0;
const MAX_INSTANCE = 2 ** 31 - 1;
/** A server whose machine died without a word counts as dead after 30 + 3 × 10 s; a killed process at once. */
const KEEPALIVE =
  'SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3';

const Locked = z.tuple([z.object({ locked: z.boolean() })]);

/** The proof that this server lives. */
export interface InstanceLock extends AsyncDisposable {
  /** Number of this server; new at each start. */
  readonly instance: number;
  /** Gives it up; safe to call twice. */
  release(): Promise<void>;
}

/**
 * Takes a number that nobody else has and keeps it locked for as long as this process lives, on a connection of its
 * own that is made again when it breaks.
 * @param options.connectionString not for logs
 * @throws whatever the first connection throws
 */
export async function holdInstanceLock(options: {
  readonly connectionString: string;
  readonly log: DatabaseLog;
}): Promise<InstanceLock> {
  const holder = new LockHolder(options.connectionString, options.log);
  const instance = await holder.take();
  const release = () => holder.release();
  return { instance, release, [Symbol.asyncDispose]: release };
}

/**
 * Whether the server with this number runs (holds its lock). A server that has just lost its connection counts as
 * dead until it is back.
 */
export async function isInstanceAlive(pool: pg.Pool, instance: number): Promise<boolean> {
  // Shared, so that two who ask at once do not take each other for the server; freed when the statement ends.
  const { rows } = await pool.query('SELECT pg_try_advisory_xact_lock_shared($1, $2) AS locked', [
    LOCK_CLASS,
    instance,
  ]);
  return !Locked.parse(rows)[0].locked;
}

class LockHolder {
  readonly #connectionString: string;
  readonly #log: DatabaseLog;
  readonly #released = new AbortController();
  #client: pg.Client | undefined;

  constructor(connectionString: string, log: DatabaseLog) {
    this.#connectionString = connectionString;
    this.#log = log;
  }

  async take(): Promise<number> {
    for (;;) {
      const instance = randomInt(1, MAX_INSTANCE);
      if (await this.#lock(instance, 'pg_try_advisory_lock')) return instance;
    }
  }

  async release(): Promise<void> {
    this.#released.abort();
    const client = this.#client;
    this.#client = undefined;
    await client?.end();
  }

  /** Connects and locks; a connection that breaks later is made again. */
  async #lock(instance: number, how: 'pg_try_advisory_lock' | 'pg_advisory_lock'): Promise<boolean> {
    const client = new pg.Client({
      connectionString: this.#connectionString,
      application_name: 'shadow instance lock',
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
    });
    const broken = Promise.withResolvers<void>();
    client.on('error', () => broken.resolve());
    client.on('end', () => broken.resolve());
    try {
      await client.connect();
      await client.query(KEEPALIVE);
      const { rows } = await client.query(`SELECT ${how}($1, $2)::text <> 'false' AS locked`, [
        LOCK_CLASS,
        instance,
      ]);
      if (!Locked.parse(rows)[0].locked || this.#released.signal.aborted) {
        await client.end();
        return false;
      }
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    this.#client = client;
    void broken.promise.then(() => this.#hold(instance));
    return true;
  }

  async #hold(instance: number): Promise<void> {
    const pause = new RetryPause();
    while (!this.#released.signal.aborted) {
      try {
        // Waits for its turn: the database may still be ending the connection that broke.
        await this.#lock(instance, 'pg_advisory_lock');
        return;
      } catch (error) {
        this.#log.warn({ instance, reason: errorMessage(error) }, 'instance lock lost, trying again');
      }
      await pause.wait(this.#released.signal);
    }
  }
}
