import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDatabase, type Database, standForLeader } from '../src/index.ts';
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

const stand = (terms: AbortSignal[] = []) =>
  standForLeader({ connectionString, purpose: 'reconciler', log, onLeading: (signal) => terms.push(signal) });
const holder = `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = ${0x5d1} AND granted`;

it('lets one lead at a time, and the next one when that one goes', async () => {
  const terms: AbortSignal[] = [];
  await using first = stand(terms);
  await until(() => first.leading !== undefined, 'the first leads');
  await using second = stand();
  await using third = stand();
  await until(async () => {
    const { rows } = await database.pool.query(`SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted`);
    return rows[0].n === 2;
  }, 'the others wait');
  expect([second.leading, third.leading]).toEqual([undefined, undefined]);
  await first.release();
  expect([first.leading, terms.map(({ aborted }) => aborted)]).toEqual([undefined, [true]]);
  await until(() => second.leading !== undefined || third.leading !== undefined, 'another one leads');
  expect([second.leading, third.leading]).toContain(undefined);
});

it('ends the term of one whose connection breaks, and lets it stand again', async () => {
  const terms: AbortSignal[] = [];
  await using candidate = stand(terms);
  await until(() => candidate.leading !== undefined, 'it leads');
  const { rows } = await database.pool.query(holder);
  await database.pool.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
  await until(() => terms.length === 2, 'it leads again');
  expect(terms.map(({ aborted }) => aborted)).toEqual([true, false]);
});

it('follows at once on a leader that was killed', async () => {
  await using leader = startFixture('lead.ts', [connectionString]);
  await leader.line(0);
  await using next = stand();
  await until(
    async () => (await database.pool.query(`SELECT 1 FROM pg_locks WHERE NOT granted`)).rows.length === 1,
    'the next one waits',
  );
  expect(next.leading).toBeUndefined();
  leader.child.kill('SIGKILL');
  await leader.ended();
  await until(() => next.leading !== undefined, 'the next one leads');
});

it('goes away while it waits, and while there is no database', async () => {
  await using leader = stand();
  await until(() => leader.leading !== undefined, 'it leads');
  const waiting = stand();
  await until(
    async () => (await database.pool.query(`SELECT 1 FROM pg_locks WHERE NOT granted`)).rows.length === 1,
    'it waits',
  );
  await waiting.release();
  await waiting.release();
  const lost = standForLeader({
    connectionString: 'postgresql://127.0.0.1:1/none',
    purpose: 'reconciler',
    log,
    onLeading: () => undefined,
  });
  await lost.release();
  expect([waiting.leading, lost.leading]).toEqual([undefined, undefined]);
});
