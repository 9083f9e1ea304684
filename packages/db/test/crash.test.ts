import { execFileSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { type EmbeddedExit, openDatabase, startEmbeddedPostgres } from '../src/index.ts';
import { isAlive, log, query, startFixture, temporaryHome, temporaryPostgres, until } from './support.ts';

const Started = z.object({ postgres: z.number(), uid: z.number() });

async function postmasterOf(home: string): Promise<number> {
  return Number.parseInt(
    await readFile(join(home, 'postgres', 'cluster', 'data', 'postmaster.pid'), 'utf8'),
    10,
  );
}

async function parentOf(pid: number): Promise<number> {
  return Number(execFileSync('ps', ['-o', 'ppid=', '-p', String(pid)], { encoding: 'utf8' }));
}

/** Rows of the home's table that are missing although their commit was acknowledged. */
async function lostRows(home: string, acknowledged: readonly unknown[]): Promise<unknown[]> {
  await using database = await openDatabase({ url: null, home, log });
  const { rows } = await database.pool.query('SELECT n FROM rows');
  const stored = new Set<unknown>(rows.map(({ n }) => n));
  return acknowledged.filter((n) => !stored.has(n));
}

it('ends PostgreSQL with a server that is killed, and keeps every acknowledged row', async () => {
  await using home = await temporaryHome();
  await using writer = startFixture('write-rows.ts', [home.path]);
  const { postgres } = Started.parse(await writer.line(0));
  await writer.line(50);
  writer.child.kill('SIGKILL');
  await writer.ended();
  await until(() => !isAlive(postgres), 'PostgreSQL ends');
  expect(await lostRows(home.path, writer.lines.slice(1))).toEqual([]);
});

it('starts right after a kill, without waiting for anybody to clean up', async () => {
  await using home = await temporaryHome();
  for (let round = 0; round < 3; round += 1) {
    await using writer = startFixture('write-rows.ts', [home.path]);
    await writer.line(10);
    writer.child.kill('SIGKILL');
    await writer.ended();
    expect(await lostRows(home.path, writer.lines.slice(1))).toEqual([]);
  }
});

it.skipIf(platform() !== 'linux')(
  'takes over from a PostgreSQL whose server and supervisor were both killed',
  async () => {
    await using home = await temporaryHome();
    await using writer = startFixture('write-rows.ts', [home.path]);
    const { postgres } = Started.parse(await writer.line(0));
    await writer.line(20);
    process.kill(await parentOf(postgres), 'SIGKILL');
    writer.child.kill('SIGKILL');
    await writer.ended();
    expect(isAlive(postgres)).toBe(true);
    expect(await lostRows(home.path, writer.lines.slice(1))).toEqual([]);
    expect(isAlive(postgres)).toBe(false);
  },
);

it.skipIf(platform() !== 'linux')(
  'ignores a stale postmaster.pid that names a process of somebody else',
  async () => {
    await using home = await temporaryHome();
    await using server = await startEmbeddedPostgres({ home: home.path, log });
    const file = join(home.path, 'postgres', 'cluster', 'data', 'postmaster.pid');
    const content = await readFile(file, 'utf8');
    await server.stop();
    await writeFile(file, content.replace(/^\d+/, String(process.pid)));
    await using again = await startEmbeddedPostgres({ home: home.path, log });
    await query(again.connectionString, 'SELECT 1');
  },
);

it('starts PostgreSQL again by itself when it dies, and tells', async () => {
  await using postgres = await temporaryPostgres();
  const { server, home } = postgres;
  await query(server.connectionString, 'CREATE TABLE kept AS SELECT 1 AS n');
  const exits: EmbeddedExit[] = [];
  server.onExit((exit) => exits.push(exit));
  process.kill(await postmasterOf(home), 'SIGKILL');
  await until(() => exits.length > 0, 'the end is told');
  expect(server.status().state).toMatch(/recovering|running/);
  await until(() => server.status().state === 'running', 'it runs again');
  expect((await query(server.connectionString, 'SELECT n FROM kept')).rows).toEqual([{ n: 1 }]);
  expect(exits).toHaveLength(1);
});

it('keeps a pool usable over the death of PostgreSQL', async () => {
  await using home = await temporaryHome();
  await using database = await openDatabase({ url: null, home: home.path, log });
  await database.prisma.user.count();
  process.kill(await postmasterOf(home.path), 'SIGKILL');
  const works = () =>
    database.prisma.user.count().then(
      () => database.embedded?.status().state === 'running',
      () => false,
    );
  await until(works, 'queries work again');
});

it('restarts at once when asked, and shares one attempt', async () => {
  await using postgres = await temporaryPostgres();
  const { server, home } = postgres;
  const ended = new Promise((resolve) => server.onExit(resolve));
  process.kill(await postmasterOf(home), 'SIGKILL');
  await ended;
  await Promise.all([server.restart(), server.restart()]);
  expect(server.status()).toEqual({ state: 'running' });
  await query(server.connectionString, 'SELECT 1');
});

it('begins afresh when the first start was killed while creating the data', async () => {
  await using home = await temporaryHome();
  await using writer = startFixture('write-rows.ts', [home.path]);
  const names = () => readdir(join(home.path, 'postgres')).catch(() => []);
  await until(async () => (await names()).some((name) => name.startsWith('cluster.init-')), 'initdb runs');
  writer.child.kill('SIGKILL');
  await writer.ended();
  await using database = await openDatabase({ url: null, home: home.path, log });
  expect(await database.prisma.user.count()).toBe(0);
  expect((await names()).sort()).toEqual(['cluster', 'run', 'server.lock']);
});
