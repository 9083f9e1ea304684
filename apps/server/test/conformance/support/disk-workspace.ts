import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { chmod, mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
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

export function makeDiskWorkspace(repository: RepositoryState): DiskWorkspace {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'shadow-conformance-')));
  const root = join(base, 'workspace');
  const stateDir = join(base, 'state');
  for (const path of [root, stateDir, join(base, 'home')]) mkdirSync(path);
  if (repository !== 'none') makeRepository(root, repository);
  return {
    base,
    root,
    stateDir,
    environment: { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: join(base, 'home'), LANG: 'C.UTF-8' },
    seed: seedOnDisk(root),
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

function seedOnDisk(root: string): SeedFiles {
  return {
    async file(path, content, mode = 0o644) {
      const full = join(root, path);
      await mkdir(dirname(full), { recursive: true });
      // Whole at once, as an editor would: a watcher's reader must not see it half written.
      const fresh = join(dirname(full), `.shadow-${basename(full).length}-${process.hrtime.bigint()}.tmp`);
      await writeFile(fresh, content);
      await chmod(fresh, mode);
      await rename(fresh, full);
    },
    async directory(path) {
      await mkdir(join(root, path), { recursive: true });
    },
    async link(path, target) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await symlink(target, join(root, path));
    },
  };
}
