import { randomUUID } from 'node:crypto';
import { createDatabase } from '@shadow/db';
import { pino } from 'pino';
import { createAccess } from '../../src/access/access.ts';

/** Makes another user in the database of a running server, with an API key. @returns the key */
export async function makeUserWithKey(connectionString: string, home: string): Promise<string> {
  const log = pino({ level: 'silent' });
  await using database = await createDatabase({ connectionString, log });
  const id = randomUUID();
  const email = `${id}@example.invalid`;
  await database.prisma.user.create({ data: { id, email, name: 'Another', role: 'member' } });
  const access = await createAccess({
    database: database.prisma,
    home,
    basePath: '',
    publicUrl: null,
    logger: log,
  });
  return (await access.createApiKey(id, { name: 'test' })).key;
}
