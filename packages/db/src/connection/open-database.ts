import { type EmbeddedPostgres, startEmbeddedPostgres } from '../embedded/start.ts';
import type { DatabaseLog } from '../log.ts';
import { migrate } from '../migrations/migrate.ts';
import { createDatabase, type Database } from './create-database.ts';

/** What {@link openDatabase} is given. */
export interface OpenOptions {
  /** DATABASE_URL; null for the embedded PostgreSQL. */
  readonly url: string | null;
  /** SHADOW_HOME, absolute; the embedded data goes into `<home>/postgres`. */
  readonly home: string;
  readonly log: DatabaseLog;
  readonly maxConnections?: number;
}

/** A migrated database, ready to use. */
export interface OpenDatabase extends Database {
  /** For connections beside the pool; not for logs. */
  readonly connectionString: string;
  /** The embedded server, to watch it; null when DATABASE_URL is given. `close` stops it. */
  readonly embedded: EmbeddedPostgres | null;
  /** Names of the migrations that this start applied. */
  readonly appliedMigrations: readonly string[];
}

/**
 * Opens the installation's database at the schema of this version, starting the embedded PostgreSQL when no other is
 * configured.
 * @throws DatabaseError with every code there is
 */
export async function openDatabase(options: OpenOptions): Promise<OpenDatabase> {
  const { url, home, log, maxConnections } = options;
  await using undo = new AsyncDisposableStack();
  const embedded = url === null ? undo.use(await startEmbeddedPostgres({ home, log })) : null;
  const connectionString = embedded?.connectionString ?? url ?? '';
  const limit = maxConnections === undefined ? {} : { maxConnections };
  const database = undo.use(await createDatabase({ connectionString, log, ...limit }));
  const { applied } = await migrate(database.pool);
  if (applied.length > 0) log.info({ migrations: applied }, 'database migrated');
  const resources = undo.move();
  const close = () => resources.disposeAsync();
  return {
    ...database,
    connectionString,
    embedded,
    appliedMigrations: applied,
    close,
    [Symbol.asyncDispose]: close,
  };
}
