import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openDatabase, startEmbeddedPostgres } from '../src/index.ts';
import { isRoot, log, query, temporaryHome, temporaryPostgres } from './support.ts';

const cluster = (home: string) => join(home, 'postgres', 'cluster');

it('starts an empty database at the current schema and keeps its rows', async () => {
  await using home = await temporaryHome();
  const times: string[] = [];
  for (const expected of [1, 2]) {
    const begin = performance.now();
    await using database = await openDatabase({ url: null, home: home.path, log });
    times.push(`${Math.round(performance.now() - begin)} ms`);
    const person = { id: `u${expected}`, name: 'N', email: `${expected}@example.org` };
    await database.prisma.user.create({ data: person });
    expect(await database.prisma.user.count()).toBe(expected);
  }
  process.stdout.write(`embedded PostgreSQL: first open ${times[0]}, second ${times[1]}\n`);
});

it('opens no TCP port and a socket for its owner alone, and asks for the password even so', async () => {
  await using postgres = await temporaryPostgres();
  const { rows } = await query(postgres.server.connectionString, 'SHOW listen_addresses');
  expect(rows).toEqual([{ listen_addresses: '' }]);
  expect((await stat(join(postgres.home, 'postgres', 'run'))).mode & 0o777).toBe(0o700);
  const wrong = postgres.server.connectionString.replace(/:[0-9a-f]+@/, ':wrong@');
  await expect(query(wrong, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
});

it('refuses a second server on the same home and names the first', async () => {
  await using postgres = await temporaryPostgres();
  const second = startEmbeddedPostgres({ home: postgres.home, log });
  await expect(second).rejects.toMatchObject({ code: 'HOME_IN_USE', details: { pid: process.pid } });
  await query(postgres.server.connectionString, 'SELECT 1');
});

it('works where the path of the home is too long for a socket', async () => {
  await using home = await temporaryHome(`shadow-${'long'.repeat(25)}-`);
  await using server = await startEmbeddedPostgres({ home: home.path, log });
  const { rows } = await query(server.connectionString, 'SHOW unix_socket_directories');
  const [{ unix_socket_directories: directory }] = rows;
  expect(directory).not.toContain(home.path);
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
  await server.stop();
  expect(existsSync(directory)).toBe(false);
});

it('begins afresh after a first start that was killed half-way', async () => {
  await using home = await temporaryHome();
  const half = join(home.path, 'postgres', 'cluster.init-killed');
  await mkdir(join(half, 'data', 'base'), { recursive: true });
  await writeFile(join(half, 'data', 'PG_VERSION'), '18\n');
  await using server = await startEmbeddedPostgres({ home: home.path, log });
  await query(server.connectionString, 'SELECT 1');
  expect((await readdir(join(home.path, 'postgres'))).sort()).toEqual(['cluster', 'run', 'server.lock']);
});

it('says so when the data belongs to another major version, and touches nothing', async () => {
  await using home = await temporaryHome();
  await (await startEmbeddedPostgres({ home: home.path, log })).stop();
  const file = join(cluster(home.path), 'data', 'PG_VERSION');
  await writeFile(file, '17\n');
  await expect(startEmbeddedPostgres({ home: home.path, log })).rejects.toMatchObject({
    code: 'DATA_DIRECTORY_UNUSABLE',
    message: expect.stringMatching(/PostgreSQL 17.*brings 18.*pg_dump/),
  });
  await writeFile(file, '18\n');
  await using server = await startEmbeddedPostgres({ home: home.path, log });
  await query(server.connectionString, 'SELECT 1');
});

it.each(['PG_VERSION', 'global/pg_control'])('says so when %s is missing', async (name) => {
  await using home = await temporaryHome();
  await (await startEmbeddedPostgres({ home: home.path, log })).stop();
  await rm(join(cluster(home.path), 'data', name));
  const start = startEmbeddedPostgres({ home: home.path, log });
  await expect(start).rejects.toMatchObject({
    code: expect.stringMatching(/DATA_DIRECTORY_UNUSABLE|EMBEDDED_START_FAILED/),
    message: expect.stringContaining(name),
  });
  // The failed start let go of the home.
  await expect(startEmbeddedPostgres({ home: home.path, log })).rejects.not.toMatchObject({
    code: 'HOME_IN_USE',
  });
});

it.skipIf(isRoot)('says so when the home cannot be written', async () => {
  await using home = await temporaryHome();
  await chmod(home.path, 0o500);
  await expect(startEmbeddedPostgres({ home: home.path, log })).rejects.toMatchObject({
    code: 'HOME_UNUSABLE',
  });
  await chmod(home.path, 0o700);
});

it('says so when the home is a file', async () => {
  await using home = await temporaryHome();
  const file = join(home.path, 'file');
  await writeFile(file, '');
  await expect(startEmbeddedPostgres({ home: file, log })).rejects.toMatchObject({ code: 'HOME_UNUSABLE' });
});

it('stops once, however often it is asked, and can be started again', async () => {
  await using home = await temporaryHome();
  const server = await startEmbeddedPostgres({ home: home.path, log });
  await Promise.all([server.stop(), server.stop()]);
  expect(server.status()).toEqual({ state: 'stopped' });
  await expect(server.restart()).rejects.toThrow('stopped');
  await using again = await startEmbeddedPostgres({ home: home.path, log });
  await query(again.connectionString, 'SELECT 1');
});
