import { readFileSync } from 'node:fs';
import { chown, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDatabase, startEmbeddedPostgres } from '../src/index.ts';
import { isRoot, log, query, startFixture, temporaryHome } from './support.ts';

const NOBODY = 65534;
const noNamespaces = { uid: 0, unshare: async () => false };

/** The effective capabilities of a home's PostgreSQL over the host, and its user there. */
function identityOf(home: string): { uid: number; namespace: boolean } {
  const pid = Number.parseInt(readFileSync(join(home, 'postgres/cluster/data/postmaster.pid'), 'utf8'), 10);
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const map = readFileSync(`/proc/${pid}/uid_map`, 'utf8').trim().split(/\s+/).map(Number);
  return { uid: Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]), namespace: map[2] === 1 && map[0] === NOBODY };
}

describe.skipIf(!isRoot)('as root', () => {
  it('runs in a home that only root can enter, without the rights of root', async () => {
    const path = await mkdtemp('/root/shadow-db-');
    try {
      await using database = await openDatabase({ url: null, home: path, log });
      expect(await database.prisma.user.count()).toBe(0);
      expect(identityOf(path)).toEqual({ uid: 0, namespace: true });
    } finally {
      await rm(path, { recursive: true, force: true });
    }
  });

  it('runs as another user than the agents’ where namespaces are refused', async () => {
    await using home = await temporaryHome();
    for (let round = 0; round < 2; round += 1) {
      await using server = await startEmbeddedPostgres({ home: home.path, log, probes: noNamespaces });
      await query(server.connectionString, 'CREATE TABLE IF NOT EXISTS t (n int)');
      expect(identityOf(home.path)).toEqual({ uid: 1, namespace: false });
      expect((await stat(join(home.path, 'postgres', 'cluster', 'password'))).mode & 0o777).toBe(0o600);
    }
  });

  it('names a location that works where no other user can reach the home', async () => {
    const path = await mkdtemp('/root/shadow-db-');
    try {
      const start = startEmbeddedPostgres({ home: path, log, probes: noNamespaces });
      await expect(start).rejects.toMatchObject({
        code: 'ROOT_NEEDS_LOCATION',
        message: expect.stringContaining('SHADOW_HOME=/var/lib/shadow'),
      });
    } finally {
      await rm(path, { recursive: true, force: true });
    }
  });

  it('takes over a home whichever of the two ways made it', async () => {
    await using home = await temporaryHome();
    for (const probes of [{}, { probes: noNamespaces }, {}]) {
      await using server = await startEmbeddedPostgres({ home: home.path, log, ...probes });
      await query(server.connectionString, 'SELECT 1');
    }
  });

  it('runs for an ordinary user, who is not let into the home of another', async (context) => {
    const readable = await reachable(process.execPath, import.meta.filename);
    if (!readable) context.skip('this checkout is not readable by other users');
    await using home = await temporaryHome();
    await chown(home.path, NOBODY, NOBODY);
    await using writer = startFixture('write-rows.ts', [home.path], { uid: NOBODY });
    expect(await writer.line(0)).toMatchObject({ uid: NOBODY });
    await writer.line(5);
    expect(identityOf(home.path)).toEqual({ uid: NOBODY, namespace: false });
    writer.child.stdin?.end();
    expect(await writer.ended()).toBe(0);
    const closed = join(home.path, 'closed');
    await mkdir(closed, { mode: 0o700 });
    await using refused = startFixture('write-rows.ts', [closed], { uid: NOBODY });
    await expect(refused.line(0)).rejects.toThrow('HOME_UNUSABLE');
  });
});

/** Whether others can read these files and pass through every directory above them. */
async function reachable(...files: string[]): Promise<boolean> {
  for (const file of files) {
    for (let path = file; path !== '/'; path = join(path, '..')) {
      if (((await stat(path)).mode & 0o005) !== 0o005 && path !== file) return false;
    }
  }
  return true;
}
