import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schemaChanges } from '../scripts/schema-changes.ts';
import { migrate } from '../src/index.ts';
import { type MigrationFile, readMigrations, SCHEMA_FILE } from '../src/migrations/migration-files.ts';
import { createEmptyDatabase, query, temporaryPostgres } from './support.ts';

const script = (name: string, text: string): MigrationFile => ({
  name,
  script: text,
  checksum: createHash('sha256').update(text).digest('hex'),
});

describe('migrate', () => {
  let postgres: Awaited<ReturnType<typeof temporaryPostgres>>;
  let count = 0;
  const emptyDatabase = () => createEmptyDatabase(postgres.server.connectionString, `test_${count++}`);
  beforeAll(async () => {
    postgres = await temporaryPostgres();
  });
  afterAll(() => postgres[Symbol.asyncDispose]());

  it('produces exactly the schema, and nothing the second time', async () => {
    const url = await emptyDatabase();
    const names = (await readMigrations()).map(({ name }) => name);
    expect(await migrate(url)).toEqual({ applied: names });
    expect(await migrate(url)).toEqual({ applied: [] });
    expect(await schemaChanges(url, await readFile(SCHEMA_FILE, 'utf8'))).toBeNull();
  });

  it('notices a schema that the migrations do not produce', async () => {
    const url = await emptyDatabase();
    await migrate(url);
    const schema = `${await readFile(SCHEMA_FILE, 'utf8')}\nmodel Extra {\n  id Int @id\n}\n`;
    expect(await schemaChanges(url, schema)).toContain('CREATE TABLE "Extra"');
  });

  it('applies each migration once when servers start at once', async () => {
    const url = await emptyDatabase();
    const results = await Promise.all(Array.from({ length: 5 }, () => migrate(url)));
    // Whose turn it was for each is chance.
    const applied = results.flatMap((result) => result.applied).sort();
    expect(applied).toEqual((await readMigrations()).map(({ name }) => name));
    const { rows } = await query(url, 'SELECT count(*)::int AS n FROM _prisma_migrations');
    expect(rows).toEqual([{ n: applied.length }]);
  });

  it('leaves nothing of a migration that fails and applies it when mended', async () => {
    const url = await emptyDatabase();
    const first = script('0001_a', 'CREATE TABLE a (n int)');
    const bad = script('0002_b', 'CREATE TABLE b (n int); SELECT 1/0; ');
    await expect(migrate(url, [first, bad])).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
      message: expect.stringMatching(/0002_b.*division by zero/),
    });
    const good = script('0002_b', 'CREATE TABLE b (n int)');
    expect(await migrate(url, [first, good])).toEqual({ applied: ['0002_b'] });
  });

  it('refuses a database whose applied migration was edited', async () => {
    const url = await emptyDatabase();
    await migrate(url, [script('0001_a', 'CREATE TABLE a (n int)')]);
    await expect(migrate(url, [script('0001_a', 'CREATE TABLE a (n bigint)')])).rejects.toMatchObject({
      code: 'MIGRATION_HISTORY_DIVERGED',
      details: { migration: '0001_a' },
    });
  });

  it('refuses a database that a newer version migrated', async () => {
    const url = await emptyDatabase();
    const first = script('0001_a', 'CREATE TABLE a (n int)');
    await migrate(url, [first, script('0002_b', 'CREATE TABLE b (n int)')]);
    await expect(migrate(url, [first])).rejects.toMatchObject({
      code: 'MIGRATION_HISTORY_DIVERGED',
      message: expect.stringContaining('newer version'),
    });
  });

  it('refuses a database where another tool left a migration unfinished', async () => {
    const url = await emptyDatabase();
    const first = script('0001_a', 'CREATE TABLE a (n int)');
    await migrate(url, [first]);
    await query(url, "UPDATE _prisma_migrations SET finished_at = NULL, logs = 'out of space'");
    await expect(migrate(url, [first])).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
      message: expect.stringContaining('out of space'),
    });
  });
});
