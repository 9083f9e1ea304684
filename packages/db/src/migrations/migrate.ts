import { randomUUID } from 'node:crypto';
import pg from 'pg';
import * as z from 'zod';
import { DatabaseError, errorCode, errorMessage } from '../errors.ts';
import { type MigrationFile, readMigrations } from './migration-files.ts';

/**
 * Key of the lock that Prisma's own `migrate deploy` takes, so that the two exclude each other
 * (prisma-engines, sql-schema-connector, postgres flavour).
 */
const LOCK_KEY = 72_707_369;
/** SQLSTATE of a table that is not there (PostgreSQL's appendix A). */
const UNDEFINED_TABLE = '42P01';

/** Prisma's bookkeeping table, column for column, so that its CLI works on the same database. */
const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL,
  checksum VARCHAR(64) NOT NULL,
  finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL,
  logs TEXT,
  rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  applied_steps_count INTEGER NOT NULL DEFAULT 0
)`;
const READ_TABLE = `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS finished, logs
  FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at`;

const AppliedMigration = z.object({
  name: z.string(),
  checksum: z.string(),
  finished: z.boolean(),
  logs: z.string().nullable(),
});
type AppliedMigration = z.infer<typeof AppliedMigration>;

/** What a call of {@link migrate} did. */
export interface MigrateResult {
  /** Names of the migrations that this call applied; empty when the database was up to date. */
  readonly applied: readonly string[];
}

/**
 * Brings the database to the schema of this version. Each migration and its record commit as one transaction, so one
 * that fails or is killed half-way leaves nothing behind. Servers that start at once wait for each other.
 * @param database a pool, or a connection string that is used for this call alone
 * @param migrations those to apply; the committed ones unless given
 * @throws DatabaseError MIGRATION_FAILED, or MIGRATION_HISTORY_DIVERGED when the database was migrated by other
 *   scripts than these
 */
export async function migrate(
  database: string | pg.Pool,
  migrations?: readonly MigrationFile[],
): Promise<MigrateResult> {
  const pool = typeof database === 'string' ? privatePool(database) : database;
  try {
    const wanted = migrations ?? (await readMigrations());
    // No lock and no transaction when there is nothing to do, which is at all starts but one per version.
    if (nextMigration(wanted, await readApplied(pool)) === undefined) return { applied: [] };
    return { applied: await applyAll(pool, wanted) };
  } finally {
    if (pool !== database) await pool.end();
  }
}

function privatePool(connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: 1 });
  // The next query says so too; unheard, the event would end the process.
  pool.on('error', () => undefined);
  return pool;
}

async function applyAll(pool: pg.Pool, wanted: readonly MigrationFile[]): Promise<string[]> {
  const client = await pool.connect();
  let usable = false;
  try {
    const names: string[] = [];
    for (let name = await applyNext(client, wanted); name; name = await applyNext(client, wanted))
      names.push(name);
    usable = true;
    return names;
  } finally {
    // After a failure the connection may be inside a transaction: closing it rolls back.
    client.release(!usable);
  }
}

/** Applies the first migration that the database lacks; undefined when it lacks none. */
async function applyNext(
  client: pg.PoolClient,
  wanted: readonly MigrationFile[],
): Promise<string | undefined> {
  await client.query('BEGIN');
  await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK_KEY]);
  await client.query(CREATE_TABLE);
  const next = nextMigration(wanted, await readApplied(client));
  if (next !== undefined) await applyOne(client, next);
  await client.query('COMMIT');
  return next?.name;
}

async function applyOne(client: pg.PoolClient, { name, script, checksum }: MigrationFile): Promise<void> {
  try {
    await client.query(script);
  } catch (error) {
    throw new DatabaseError(
      'MIGRATION_FAILED',
      `Migration ${name} failed and was rolled back: ${errorMessage(error)}`,
      { details: { migration: name, sqlState: errorCode(error) }, cause: error },
    );
  }
  await client.query(
    `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
     VALUES ($1, $2, $3, clock_timestamp(), 1)`,
    [randomUUID(), checksum, name],
  );
}

async function readApplied(database: pg.Pool | pg.PoolClient): Promise<AppliedMigration[]> {
  try {
    const { rows } = await database.query(READ_TABLE);
    return z.array(AppliedMigration).parse(rows);
  } catch (error) {
    if (errorCode(error) === UNDEFINED_TABLE) return [];
    throw error;
  }
}

/** The first wanted migration that is not applied, after making sure that what is applied is what is wanted. */
function nextMigration(
  wanted: readonly MigrationFile[],
  applied: readonly AppliedMigration[],
): MigrationFile | undefined {
  const checksums = new Map(wanted.map(({ name, checksum }) => [name, checksum]));
  for (const { name, checksum, finished, logs } of applied) {
    if (!finished) throw unfinished(name, logs);
    const expected = checksums.get(name);
    if (expected === undefined) throw unknown(name);
    if (expected !== checksum) throw edited(name);
  }
  const done = new Set(applied.map(({ name }) => name));
  return wanted.find(({ name }) => !done.has(name));
}

function unfinished(migration: string, logs: string | null): DatabaseError {
  return new DatabaseError(
    'MIGRATION_FAILED',
    `The database records that migration ${migration} began and never finished${logs ? `: ${logs}` : '.'} ` +
      'Undo what it left, set rolled_back_at of its row in _prisma_migrations, and start again.',
    { details: { migration } },
  );
}

function unknown(migration: string): DatabaseError {
  return new DatabaseError(
    'MIGRATION_HISTORY_DIVERGED',
    `The database has migration ${migration}, which this version of Shadow does not know: it was used by a newer ` +
      'version. Start that version, or restore a backup from before the upgrade.',
    { details: { migration } },
  );
}

function edited(migration: string): DatabaseError {
  return new DatabaseError(
    'MIGRATION_HISTORY_DIVERGED',
    `Migration ${migration} was changed after this database applied it. Put its file back as it was, and make ` +
      'further changes in a new migration.',
    { details: { migration } },
  );
}
