import { afterAll, beforeAll, expect, it } from 'vitest';
import * as z from 'zod';
import { createDatabase, type Database, holdInstanceLock, isInstanceAlive } from '../src/index.ts';
import { log, startFixture, temporaryPostgres, until } from './support.ts';

let postgres: Awaited<ReturnType<typeof temporaryPostgres>>;
let database: Database;
let connectionString: string;
beforeAll(async () => {
  postgres = await temporaryPostgres();
  connectionString = postgres.server.connectionString;
  database = await createDatabase({ connectionString, log });
});
afterAll(async () => {
  await database.close();
  await postgres[Symbol.asyncDispose]();
});

it('tells a live server from one that let go, however many ask', async () => {
  const lock = await holdInstanceLock({ connectionString, log });
  const ask = () =>
    Promise.all(Array.from({ length: 8 }, () => isInstanceAlive(database.pool, lock.instance)));
  expect(new Set(await ask())).toEqual(new Set([true]));
  await lock.release();
  await lock.release();
  await until(async () => !(await isInstanceAlive(database.pool, lock.instance)), 'the lock is free');
  expect(new Set(await ask())).toEqual(new Set([false]));
});

it('gives each server a number of its own', async () => {
  await using first = await holdInstanceLock({ connectionString, log });
  await using second = await holdInstanceLock({ connectionString, log });
  expect(first.instance).not.toBe(second.instance);
});

it('sees the death of a server that was killed', async () => {
  await using holder = startFixture('hold-instance.ts', [connectionString]);
  const instance = z.number().parse(await holder.line(0));
  expect(await isInstanceAlive(database.pool, instance)).toBe(true);
  holder.child.kill('SIGKILL');
  await holder.ended();
  await until(async () => !(await isInstanceAlive(database.pool, instance)), 'the dead server is noticed');
});

it('takes the same number again after losing its connection', async () => {
  await using lock = await holdInstanceLock({ connectionString, log });
  const holders = `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = ${lock.instance} AND granted`;
  const { rows } = await database.pool.query(holders);
  await database.pool.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
  await until(async () => {
    const now = await database.pool.query(holders);
    return now.rows.length === 1 && now.rows[0].pid !== rows[0].pid;
  }, 'the lock is held by a new connection');
});
