import { PrismaPg } from '@prisma/adapter-pg';
import { type MigrationFile, toMigrationList } from '../src/migrations/migration-files.ts';
import { NO_FILTER, openSchemaEngine } from './schema-engine.ts';

/**
 * The SQL that leads from what migrations produce to what a Prisma schema says.
 * @param connectionString of a PostgreSQL where databases may be created; they are dropped again
 * @param schema content of the Prisma schema
 * @returns null when the migrations produce exactly the schema
 */
export async function schemaChanges(
  connectionString: string,
  migrations: readonly MigrationFile[],
  schema: string,
): Promise<string | null> {
  const engine = await openSchemaEngine(new PrismaPg({ connectionString }), schema);
  const { stdout, exitCode } = await engine.diff({
    from: { tag: 'migrations', ...(await toMigrationList(migrations)) },
    to: { tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content: schema }] },
    script: true,
    exitCode: true,
    filters: NO_FILTER,
  });
  return exitCode === 0 ? null : stdout;
}
