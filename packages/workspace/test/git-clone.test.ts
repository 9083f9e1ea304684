import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createWorkspaceEngine, findBubblewrap, type WorkspaceEngine } from '../src/index.ts';
import { errorOf, ok } from './fixtures/engine.ts';

const isIsolated = (await findBubblewrap()) !== undefined;

let base: string;
let source: string;
let root: string;
let engine: WorkspaceEngine;

const git = (...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
    cwd: source,
    encoding: 'utf8',
    env: { PATH: process.env.PATH ?? '', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
  }).trim();

function open(isolated: boolean): void {
  const environment = { PATH: process.env.PATH ?? '', HOME: join(base, 'home') };
  const isolation = { network: false, readable: [source] };
  engine = createWorkspaceEngine(
    {
      root,
      stateDir: join(base, 'state'),
      environment,
      cloneFromDisk: true,
      ...(isolated ? { isolation } : {}),
    },
    { processes: Object.create(null) },
  );
}

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'shadow-clone-')));
  source = join(base, 'source');
  root = join(base, 'workspace');
  for (const path of [source, root, join(base, 'state'), join(base, 'home')]) mkdirSync(path);
  git('init', '-q', '-b', 'main');
  writeFileSync(join(source, 'a.txt'), 'a\n');
  git('add', '-A');
  git('commit', '-q', '-m', 'one');
  open(false);
});

afterEach(async () => {
  await engine.close();
  rmSync(base, { recursive: true, force: true });
});

it('clones from disk where that is open', async () => {
  const cloned = ok(await engine.gitClone({ url: source, branch: 'work' }));
  expect(cloned).toMatchObject({ baseBranch: 'main', baseCommit: git('rev-parse', 'HEAD') });
});

it.each([
  ['only the mark', ['.git/shadow-clone']],
  [
    'files without a commit',
    ['.git/shadow-clone', '.git/objects/pack/tmp_pack_1', '.git/index.lock', 'a.txt'],
  ],
  ['an empty .git', []],
])('makes a clone whole that was cut off: %s', async (_name, files) => {
  mkdirSync(join(root, '.git/objects/pack'), { recursive: true });
  for (const file of files) writeFileSync(join(root, file), 'half');
  if (files.length === 0) rmSync(join(root, '.git/objects'), { recursive: true });
  ok(await engine.gitClone({ url: source, branch: 'work' }));
  expect(ok(await engine.gitStatus())).toMatchObject({ branch: 'work', clean: true });
  expect(existsSync(join(root, '.git/shadow-clone'))).toBe(false);
});

it('does not touch a repository that somebody else made', async () => {
  execFileSync('git', ['init', '-q', root]);
  writeFileSync(join(root, 'mine.txt'), 'mine');
  expect(errorOf(await engine.gitClone({ url: source, branch: 'work' })).code).toBe('ALREADY_EXISTS');
  expect(existsSync(join(root, 'mine.txt'))).toBe(true);
});

it.skipIf(!isIsolated)(
  'needs bubblewrap: an isolated git sees nothing outside the workspace but what is opened',
  async () => {
    await engine.close();
    open(true);
    ok(await engine.gitClone({ url: source, branch: 'work' }));
    const other = join(base, 'elsewhere');
    execFileSync('git', ['clone', '-q', source, other]);
    rmSync(root, { recursive: true });
    mkdirSync(root);
    expect(errorOf(await engine.gitClone({ url: other, branch: 'work' })).code).toBe('REPOSITORY_NOT_FOUND');
  },
);

it('pushes to disk where that is open', async () => {
  ok(await engine.gitClone({ url: source, branch: 'work' }));
  ok(await engine.writeFile({ path: 'b.txt', content: 'b' }));
  const { commit } = ok(await engine.gitCommit({ message: 'two' }));
  expect(ok(await engine.gitPush({ branch: 'work' }))).toMatchObject({ commit, created: true });
  expect(git('rev-parse', 'work')).toBe(commit);
});
