import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient } from '../generated/client.ts';
import type { DatabaseLog } from '../log.ts';
import { connectionFailure, parseTarget } from './connection-failure.ts';

/** What {@link createDatabase} is given. */
export interface DatabaseOptions {
  /** Not for logs. */
  readonly connectionString: string;
  readonly log: DatabaseLog;
  /** Most connections at once; more callers wait for one. */
  readonly maxConnections?: number;
  /** How long to wait for a connection, ms. */
  readonly connectionTimeoutMs?: number;
}

/** The ways into the database, all over one pool. */
export interface Database extends AsyncDisposable {
  readonly prisma: PrismaClient;
  /** For SQL that Prisma does not express; `pool.query` and transactions on `pool.connect()`. */
  readonly pool: pg.Pool;
  /** Waits for running queries and closes all connections; safe to call twice. */
  close(): Promise<void>;
}

/**
 * Connects to a PostgreSQL and makes sure that it answers.
 * @throws DatabaseError DATABASE_URL_INVALID, DATABASE_UNREACHABLE, DATABASE_ACCESS_DENIED or DATABASE_MISSING; none
 *   of them holds the password
 */
export async function createDatabase(options: DatabaseOptions): Promise<Database> {
  const target = parseTarget(options.connectionString);
  const pool = createPool(options);
  try {
    await pool.query('SELECT 1');
  } catch (error) {
    await pool.end();
    throw connectionFailure(target, error);
  }
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= prisma.$disconnect().then(() => pool.end());
    return closed;
  };
  return { prisma, pool, close, [Symbol.asyncDispose]: close };
}

function createPool(options: DatabaseOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    application_name: 'shadow',
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: options.connectionTimeoutMs ?? 10_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    // Columns hold UTC without a zone: defaults like now() would otherwise be in the server's own zone.
    onConnect: async (client) => {
      await client.query(`SET TIME ZONE 'UTC'`);
    },
  });
  // An idle connection that breaks is replaced at the next query; unheard, the event would end the process.
  pool.on('error', (error) => options.log.warn({ reason: error.message }, 'database connection lost'));
  return pool;
}
