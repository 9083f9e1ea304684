import { createServer } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, DatabaseError, openDatabase } from '../src/index.ts';
import { createEmptyDatabase, log, temporaryHome, temporaryPostgres } from './support.ts';

const SECRET = 'hunter2-secret';

/** The error of opening a database, after making sure that no way of printing it shows the password. */
async function failureOf(connectionString: string, connectionTimeoutMs = 2_000): Promise<DatabaseError> {
  try {
    const database = await createDatabase({ connectionString, log, connectionTimeoutMs });
    await database.close();
  } catch (error) {
    const printed = `${inspect(error, { depth: 10, showHidden: true })}${JSON.stringify(error)}`;
    expect(printed).not.toContain(SECRET);
    if (error instanceof DatabaseError) return error;
    throw error;
  }
  throw new Error('It opened.');
}

describe('a database that cannot be used', () => {
  let postgres: Awaited<ReturnType<typeof temporaryPostgres>>;
  beforeAll(async () => {
    postgres = await temporaryPostgres();
  });
  afterAll(() => postgres[Symbol.asyncDispose]());

  it('is unreachable when nothing listens', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await new Promise((resolve) => server.close(resolve));
    const error = await failureOf(`postgresql://ann:${SECRET}@127.0.0.1:${port}/app`);
    expect(error).toMatchObject({
      code: 'DATABASE_UNREACHABLE',
      details: { host: '127.0.0.1', port, reason: 'ECONNREFUSED' },
    });
    expect(error.message).toContain(`127.0.0.1:${port}`);
  });

  it('is unreachable when it does not answer', async () => {
    await using server = createServer((socket) => socket.on('error', () => undefined).resume());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const error = await failureOf(`postgresql://ann:${SECRET}@127.0.0.1:${port}/app`, 200);
    expect(error.code).toBe('DATABASE_UNREACHABLE');
  });

  it('is unreachable when the host has no address', async () => {
    const error = await failureOf(`postgresql://ann:${SECRET}@nowhere.invalid/app`);
    expect(error).toMatchObject({
      code: 'DATABASE_UNREACHABLE',
      details: { host: 'nowhere.invalid', port: 5432 },
    });
  });

  it('denies a wrong password', async () => {
    const url = postgres.server.connectionString.replace(/:[0-9a-f]+@/, `:${SECRET}@`);
    expect(await failureOf(url)).toMatchObject({
      code: 'DATABASE_ACCESS_DENIED',
      details: { user: 'shadow' },
    });
  });

  it('is missing when the server has none of that name', async () => {
    const url = postgres.server.connectionString.replace('/postgres?', '/nothing?');
    const error = await failureOf(url);
    expect(error).toMatchObject({ code: 'DATABASE_MISSING', details: { database: 'nothing' } });
    const password = /:([0-9a-f]+)@/.exec(url)?.[1] ?? '';
    expect(inspect(error, { depth: 10 })).not.toContain(password);
  });

  it.each([`mysql://ann:${SECRET}@host/app`, `postgresql://ann:${SECRET}@ho st:port/app`, SECRET, ''])(
    'is refused when the string is none for PostgreSQL',
    async (url) => {
      expect((await failureOf(url)).code).toBe('DATABASE_URL_INVALID');
    },
  );

  it('is opened and migrated when DATABASE_URL leads to one, with times in UTC', async () => {
    await using home = await temporaryHome();
    const url = await createEmptyDatabase(postgres.server.connectionString, 'given');
    await using database = await openDatabase({ url, home: home.path, log });
    expect(database.embedded).toBeNull();
    expect(database.appliedMigrations.length).toBeGreaterThan(0);
    expect((await database.pool.query('SHOW timezone')).rows).toEqual([{ TimeZone: 'UTC' }]);
    expect(await database.prisma.task.findMany()).toEqual([]);
  });
});
