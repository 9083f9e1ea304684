import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestDatabase, type TestDatabase } from '../access/support/database.ts';
import { startServer } from './support/server.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database?.close());

async function healthWith(pingDatabase: () => Promise<unknown>) {
  const server = await startServer(database.prisma, { pingDatabase });
  try {
    return await (await fetch(`${server.url}/api/health`)).json();
  } finally {
    await server.close();
  }
}

describe('health', () => {
  it('is ok while the database answers', async () => {
    expect(await healthWith(async () => 1)).toEqual({ status: 'ok', database: 'ok' });
  });

  it('is degraded when the database refuses or says nothing', async () => {
    const degraded = { status: 'degraded', database: 'unavailable' };
    expect(await healthWith(() => Promise.reject(new Error('refused')))).toEqual(degraded);
    expect(await healthWith(() => new Promise(() => undefined))).toEqual(degraded);
  });

  it('asks the database once for many callers', async () => {
    let asked = 0;
    const server = await startServer(database.prisma, { pingDatabase: async () => (asked += 1) });
    await Promise.all(Array.from({ length: 20 }, () => fetch(`${server.url}/api/health`)));
    await server.close();
    // A second one is due after a second, should the machine be that slow.
    expect(asked).toBeLessThan(10);
  });
});
