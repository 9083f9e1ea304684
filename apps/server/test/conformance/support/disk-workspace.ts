import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { chmod, lchown, mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { RunAs } from '@shadow/workspace';
import type { RepositoryState, SeedFiles } from '../../../src/execution/conformance/index.ts';

/** A workspace on this machine's disk, with a place for state beside it. */
export interface DiskWorkspace {
  readonly base: string;
  readonly root: string;
  readonly stateDir: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly seed: SeedFiles;
  remove(): void;
}

/** @param owner of the tree and of what is seeded there, where this process is root; default this user */
export function makeDiskWorkspace(repository: RepositoryState, owner?: RunAs): DiskWorkspace {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'shadow-conformance-')));
  const root = join(base, 'workspace');
  const stateDir = join(base, 'state');
  for (const path of [root, stateDir, join(base, 'home')]) mkdirSync(path);
  if (repository !== 'none') makeRepository(root, repository);
  if (owner !== undefined) {
    // Others must be able to come through to what is theirs.
    chmodSync(base, 0o755);
    execFileSync('chown', ['-R', `${owner.uid}:${owner.gid}`, root, join(base, 'home')]);
  }
  return {
    base,
    root,
    stateDir,
    environment: { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: join(base, 'home'), LANG: 'C.UTF-8' },
    seed: seedOnDisk(root, owner),
    remove: () => rmSync(base, { recursive: true, force: true, maxRetries: 5 }),
  };
}

function makeRepository(root: string, state: Exclude<RepositoryState, 'none'>): void {
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: root,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Seed',
    GIT_AUTHOR_EMAIL: 'seed@example.com',
    GIT_COMMITTER_NAME: 'Seed',
    GIT_COMMITTER_EMAIL: 'seed@example.com',
  };
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, env, stdio: 'pipe' });
  git('init', '--quiet', '--initial-branch=main');
  if (state === 'empty') return;
  execFileSync('sh', ['-c', 'printf "# Seed\\n" > README.md'], { cwd: root });
  git('add', '--all');
  git('commit', '--quiet', '--message', 'Seed');
}

function seedOnDisk(root: string, owner: RunAs | undefined): SeedFiles {
  const give = async (path: string): Promise<void> => {
    if (owner === undefined || path === '.' || path === '') return;
    await lchown(join(root, path), owner.uid, owner.gid);
    await give(dirname(path));
  };
  return {
    async file(path, content, mode = 0o644) {
      const full = join(root, path);
      await mkdir(dirname(full), { recursive: true });
      // Whole at once, as an editor would: a watcher's reader must not see it half written.
      const fresh = join(dirname(full), `.shadow-${basename(full).length}-${process.hrtime.bigint()}.tmp`);
      await writeFile(fresh, content);
      await chmod(fresh, mode);
      await rename(fresh, full);
      await give(path);
    },
    clear: async () => {
      for (const name of await readdir(root)) await rm(join(root, name), { recursive: true, force: true });
    },
    async directory(path) {
      await mkdir(join(root, path), { recursive: true });
      await give(path);
    },
    async link(path, target) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await symlink(target, join(root, path));
      await give(path);
    },
  };
}
