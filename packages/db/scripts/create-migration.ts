import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '../src/embedded/start.ts';
import { migrate } from '../src/migrations/migrate.ts';
import { MIGRATIONS_DIRECTORY, readMigrations, SCHEMA_FILE } from '../src/migrations/migration-files.ts';
import { schemaChanges } from './schema-changes.ts';

// Writes prisma/migrations/<number>_<name>/migration.sql: the difference between what the committed migrations
// produce, run on a throw-away PostgreSQL, and prisma/schema.prisma.
const USAGE = 'Usage: node scripts/create-migration.ts <name>   (lower case letters, digits and _)';

async function main(): Promise<number> {
  const { positionals } = parseArgs({ allowPositionals: true });
  const [name] = positionals;
  if (name === undefined || positionals.length > 1 || !/^[a-z][a-z0-9_]*$/.test(name)) return fail(USAGE);
  const migrations = await readMigrations();
  const script = await changesSince(migrations);
  if (script === null)
    return fail('Nothing changed: the committed migrations already produce prisma/schema.prisma.');
  const directory = join(MIGRATIONS_DIRECTORY, `${String(migrations.length + 1).padStart(4, '0')}_${name}`);
  await mkdir(directory);
  await writeFile(join(directory, 'migration.sql'), script);
  process.stdout.write(`${join(directory, 'migration.sql')}\n`);
  return 0;
}

async function changesSince(migrations: Awaited<ReturnType<typeof readMigrations>>): Promise<string | null> {
  const home = await mkdtemp(join(tmpdir(), 'shadow-migration-'));
  const silent = () => undefined;
  try {
    const log = { debug: silent, info: silent, warn: silent, error: silent };
    await using postgres = await startEmbeddedPostgres({ home, log });
    await migrate(postgres.connectionString, migrations);
    return await schemaChanges(postgres.connectionString, await readFile(SCHEMA_FILE, 'utf8'));
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function fail(message: string): number {
  process.stderr.write(`${message}\n`);
  return 1;
}

process.exitCode = await main();
