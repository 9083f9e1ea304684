import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Directory of the committed migrations, one folder each. */
export const MIGRATIONS_DIRECTORY = join(import.meta.dirname, '..', '..', 'prisma', 'migrations');
/** The one schema file. */
export const SCHEMA_FILE = join(import.meta.dirname, '..', '..', 'prisma', 'schema.prisma');

const SCRIPT = 'migration.sql';

/** A committed migration. */
export interface MigrationFile {
  /** Folder name; the order of the names is the order of application. */
  readonly name: string;
  readonly script: string;
  /** SHA-256 of the script in hex, as Prisma stores it in `_prisma_migrations.checksum`. */
  readonly checksum: string;
}

/** Reads the committed migrations in the order in which they are applied. */
export async function readMigrations(directory = MIGRATIONS_DIRECTORY): Promise<MigrationFile[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const script = await readFile(join(directory, name, SCRIPT), 'utf8');
      return { name, script, checksum: createHash('sha256').update(script).digest('hex') };
    }),
  );
}
