import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase, type PrismaClient } from '@shadow/db';
import { createLogger } from '../../../src/observability/logger.ts';

export interface TestDatabase {
  readonly prisma: PrismaClient;
  close(): Promise<void>;
}

/** A real PostgreSQL with today's schema, of this test file alone. */
export async function openTestDatabase(): Promise<TestDatabase> {
  const home = await mkdtemp(join(tmpdir(), 'shadow-db-'));
  const log = createLogger({ level: 'error', format: 'text', secrets: [] });
  const database = await openDatabase({ url: null, home, log });
  return {
    prisma: database.prisma,
    async close() {
      await database.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}
