import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openDatabase } from '../src/index.ts';
import { isRoot, log, temporaryHome, until } from './support.ts';

/** A small file system of its own; only root can make one. */
async function smallDisk(megabytes: number): Promise<{ path: string } & AsyncDisposable> {
  const directory = await temporaryHome('shadow-disk-');
  const path = join(directory.path, 'disk');
  await mkdir(path);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0755`, 'tmpfs', path]);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      execFileSync('umount', [path]);
      await directory[Symbol.asyncDispose]();
    },
  };
}

function canMount(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

it.skipIf(!isRoot || !canMount())(
  'keeps all committed rows over a full disk and goes on when there is space',
  async () => {
    await using disk = await smallDisk(160);
    await using database = await openDatabase({ url: null, home: disk.path, log });
    const { pool, embedded } = database;
    await pool.query('CREATE TABLE blobs (n int PRIMARY KEY, data bytea)');
    const filler = join(disk.path, 'filler');
    const { bavail, bsize } = await statfs(disk.path);
    await writeFile(filler, Buffer.alloc(bavail * bsize - 8 * 1024 * 1024));

    const committed: number[] = [];
    const failures = new Set<unknown>();
    let died = false;
    embedded?.onExit(() => {
      died = true;
    });
    for (let n = 0; !died && n < 2000; n += 1) {
      const insert = pool.query('INSERT INTO blobs VALUES ($1, $2)', [n, randomBytes(64 * 1024)]);
      await insert.then(
        () => committed.push(n),
        (error) => failures.add(Reflect.get(error, 'code') ?? error.message),
      );
    }
    process.stdout.write(
      `full disk: ${committed.length} rows committed, died ${died}, ${[...failures].join(' ')}\n`,
    );
    expect(failures.size).toBeGreaterThan(0);
    await rm(filler);

    const usable = () =>
      pool.query('INSERT INTO blobs VALUES (-1, $1)', [Buffer.alloc(1)]).then(
        () => true,
        () => false,
      );
    await until(usable, 'rows can be written again');
    const { rows } = await pool.query('SELECT n FROM blobs');
    const stored = new Set(rows.map(({ n }) => n));
    expect(committed.filter((n) => !stored.has(n))).toEqual([]);
    expect(embedded?.status()).toEqual({ state: 'running' });
  },
);
