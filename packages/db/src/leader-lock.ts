import pg from 'pg';
import { errorMessage } from './errors.ts';
import type { DatabaseLog } from './log.ts';
import { RetryPause } from './retry-pause.ts';

/** Beside the class of the instance locks. */
const LOCK_CLASS = 0x5d1;
/** A leader whose machine died without a word counts as gone after 30 + 3 × 10 s; a killed process at once. */
const SESSION = `SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;
  SET client_connection_check_interval = 5000; SET statement_timeout = 0; SET lock_timeout = 0`;

/** What only one of several servers does at a time; the number is the second half of its lock. */
const PURPOSES = { reconciler: 1 } as const;

/** A server's standing for something that one server does at a time. */
export interface Candidacy extends AsyncDisposable {
  /** Present while this server leads; aborts when it does not any more. */
  readonly leading: AbortSignal | undefined;
  /** Gives up leading and waiting; safe to call twice. */
  release(): Promise<void>;
}

/**
 * Waits for its turn to lead, in the background and for as long as it takes; whoever leads does so until its connection
 * ends, and the next one follows at once.
 *
 * @param options.connectionString not for logs
 * @param options.onLeading called each time that this server begins to lead; the signal aborts when that ends
 */
export function standForLeader(options: {
  readonly connectionString: string;
  readonly purpose: keyof typeof PURPOSES;
  readonly log: DatabaseLog;
  onLeading(signal: AbortSignal): void;
}): Candidacy {
  const candidate = new Candidate(options);
  void candidate.stand();
  const release = () => candidate.release();
  return {
    get leading() {
      return candidate.leading;
    },
    release,
    [Symbol.asyncDispose]: release,
  };
}

class Candidate {
  readonly #options: Parameters<typeof standForLeader>[0];
  readonly #released = new AbortController();
  #client: pg.Client | undefined;
  readonly #pause = new RetryPause();
  #leading: AbortController | undefined;

  constructor(options: Parameters<typeof standForLeader>[0]) {
    this.#options = options;
  }

  get leading(): AbortSignal | undefined {
    return this.#leading?.signal;
  }

  async stand(): Promise<void> {
    const { log, purpose } = this.#options;
    while (!this.#released.signal.aborted) {
      try {
        await this.#lock();
      } catch (error) {
        if (this.#released.signal.aborted) return;
        log.warn({ purpose, reason: errorMessage(error) }, 'cannot stand for leader, trying again');
      } finally {
        this.#resign();
      }
      await this.#pause.wait(this.#released.signal);
    }
  }

  async release(): Promise<void> {
    this.#released.abort();
    const client = this.#client;
    this.#resign();
    // A query that waits for the lock ends with its connection.
    await client?.end().catch(() => undefined);
  }

  /** Resolves when the connection, and with it the lock, is gone. */
  async #lock(): Promise<void> {
    const { connectionString, purpose } = this.#options;
    const client = new pg.Client({
      connectionString,
      application_name: `shadow ${purpose}`,
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
    });
    const broken = Promise.withResolvers<void>();
    client.on('error', () => broken.resolve());
    client.on('end', () => broken.resolve());
    this.#client = client;
    try {
      await client.connect();
      await client.query(SESSION);
      await client.query('SELECT pg_advisory_lock($1, $2)', [LOCK_CLASS, PURPOSES[purpose]]);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    if (!this.#released.signal.aborted) this.#lead();
    await broken.promise;
  }

  #lead(): void {
    this.#pause.reset();
    this.#leading = new AbortController();
    this.#options.onLeading(this.#leading.signal);
  }

  #resign(): void {
    this.#leading?.abort();
    this.#leading = undefined;
    this.#client = undefined;
  }
}
