import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorOf, isRoot, makeWorkspace, NOBODY, ok, type TestWorkspace } from './fixtures/engine.ts';

const ODD_NAMES = [
  'plain.txt',
  'with space.txt',
  'quote"d.txt',
  "o'clock",
  'new\nline.txt',
  'tab\there',
  'grüße/日本語.txt',
  '-dash',
  ':(top)x',
  '*star',
  'back\\slash',
  '"',
];

describe.each([
  { who: 'as the server', runAs: undefined },
  ...(isRoot ? [{ who: 'as another user', runAs: NOBODY }] : []),
])('git $who', ({ runAs }) => {
  let workspace: TestWorkspace;
  beforeEach(() => {
    workspace = makeWorkspace(runAs === undefined ? {} : { runAs });
    workspace.git('init', '-q', '-b', 'main');
  });
  afterEach(() => workspace.close());

  const write = async (path: string, content: string) =>
    ok(await workspace.engine.writeFile({ path, content }));
  const commit = async (message = 'change') => ok(await workspace.engine.gitCommit({ message }));

  it('reports an unborn branch, then a clean one, then each kind of change', async () => {
    expect(ok(await workspace.engine.gitStatus())).toEqual({
      success: true,
      branch: 'main',
      headCommit: null,
      files: [],
      clean: true,
    });
    await write('a.txt', 'one\ntwo\nthree\nfour\n');
    await write('gone.txt', 'x');
    const { commit: head } = await commit();
    expect(ok(await workspace.engine.gitStatus())).toMatchObject({ headCommit: head, clean: true });
    workspace.git('mv', 'a.txt', 'b c.txt');
    await write('b c.txt', 'one\ntwo\nthree\nFOUR\n');
    unlinkSync(join(workspace.root, 'gone.txt'));
    await write('new.txt', '');
    expect(ok(await workspace.engine.gitStatus()).files).toEqual([
      { path: 'b c.txt', index: 'R', workingTree: 'M', renamedFrom: 'a.txt' },
      { path: 'gone.txt', index: '.', workingTree: 'D' },
      { path: 'new.txt', index: '?', workingTree: '?' },
    ]);
  });

  it('commits odd names, shows them in status and diff, and git agrees', async () => {
    for (const name of ODD_NAMES) await write(name, `${name}\n`);
    const names = [...ODD_NAMES].sort();
    expect(
      ok(await workspace.engine.gitStatus())
        .files.map((file) => file.path)
        .sort(),
    ).toEqual(names);
    const diff = ok(await workspace.engine.gitDiff({}));
    expect(diff.files.map((file) => file.path).sort()).toEqual(names);
    for (const file of diff.files) expect(file.patch, file.path).toContain(`+${file.path.split('\n')[0]}`);
    expect((await commit()).filesChanged).toBe(ODD_NAMES.length);
    expect(
      workspace.git('ls-tree', '-r', '-z', '--name-only', 'HEAD').split('\0').filter(Boolean).sort(),
    ).toEqual(names);
    expect(workspace.git('status', '--porcelain')).toBe('');
  });

  it('takes message and author from any language, and neither as an option', async () => {
    await write('a', '1');
    const message = '-m "日本語" $(touch x)\n\n# not a comment\n\tbody 🎉';
    ok(await workspace.engine.gitCommit({ message, author: { name: 'Zoë <Ünal>\n', email: 'zoë@例え.jp' } }));
    expect(workspace.git('log', '-1', '--format=%B').trimEnd()).toBe(message);
    expect(ok(await workspace.engine.gitLog({})).commits[0]).toMatchObject({
      authorName: 'Zoë  Ünal',
      authorEmail: 'zoë@例え.jp',
      subject: '-m "日本語" $(touch x)',
      parents: [],
    });
    expect(existsSync(join(workspace.root, 'x'))).toBe(false);
    await write('a', '2');
    for (const author of [
      { name: '<>', email: 'a' },
      { name: 'a', email: '\n' },
    ]) {
      expect(errorOf(await workspace.engine.gitCommit({ message: 'x', author })).code).toBe(
        'VALIDATION_FAILED',
      );
    }
    expect(errorOf(await workspace.engine.gitCommit({ message: ' \n ' })).code).toBe('VALIDATION_FAILED');
  });

  it('uses the repository’s own identity, else Shadow’s', async () => {
    await write('a', '1');
    await commit();
    workspace.git('config', 'user.name', 'Ada');
    workspace.git('config', 'user.email', 'ada@example.com');
    await write('a', '2');
    await commit();
    expect(ok(await workspace.engine.gitLog({})).commits.map((entry) => entry.authorName)).toEqual([
      'Ada',
      'Shadow',
    ]);
  });

  it('commits only the paths asked for, whatever else is changed or staged', async () => {
    await write('dir/a', '1');
    await write('b', '1');
    await write('gone', '1');
    await commit();
    await write('dir/a', '2');
    await write('dir/new', '1');
    await write('b', '2');
    await write('staged', '1');
    workspace.git('add', 'staged');
    unlinkSync(join(workspace.root, 'gone'));
    expect(
      ok(await workspace.engine.gitCommit({ message: 'some', paths: ['dir', 'gone'] })).filesChanged,
    ).toBe(3);
    expect(
      workspace.git('diff-tree', '--no-commit-id', '--name-only', '-r', 'HEAD').split('\n').filter(Boolean),
    ).toEqual(['dir/a', 'dir/new', 'gone']);
    expect(ok(await workspace.engine.gitStatus()).files.map((file) => file.path)).toEqual(['b', 'staged']);
    expect(errorOf(await workspace.engine.gitCommit({ message: 'x', paths: ['dir'] })).code).toBe(
      'NOTHING_TO_COMMIT',
    );
    expect(errorOf(await workspace.engine.gitCommit({ message: 'x', paths: ['../x'] })).code).toBe(
      'PATH_OUTSIDE_WORKSPACE',
    );
  });

  it('commits what is staged already, deletions, and a file that became a directory', async () => {
    await write('a', '1');
    await write('d', '1');
    await commit();
    expect(errorOf(await workspace.engine.gitCommit({ message: 'x' })).code).toBe('NOTHING_TO_COMMIT');
    await write('s', '1');
    workspace.git('add', 's');
    unlinkSync(join(workspace.root, 'a'));
    unlinkSync(join(workspace.root, 'd'));
    await write('d/e', '1');
    await commit();
    expect(workspace.git('ls-tree', '-r', '--name-only', 'HEAD')).toBe('d/e\ns\n');
    expect(workspace.git('status', '--porcelain')).toBe('');
  });

  it('diffs against a base with counts, renames, deletions, modes and untracked files, leaving the index alone', async () => {
    const body = Array.from({ length: 20 }, (_, index) => `line ${index}`).join('\n');
    await write('old name.txt', `${body}\n`);
    await write('edit.txt', 'a\nb\nc\n');
    await write('gone.txt', 'x\n');
    await write('run.sh', 'x\n');
    await write('kind', 'x\n');
    const { commit: base } = await commit();
    await write('edit.txt', 'a\nB\nc\nd\n');
    await commit();
    ok(await workspace.engine.moveFile({ from: 'old name.txt', to: 'sub/new name.txt' }));
    unlinkSync(join(workspace.root, 'gone.txt'));
    chmodSync(join(workspace.root, 'run.sh'), 0o755);
    unlinkSync(join(workspace.root, 'kind'));
    symlinkSync('edit.txt', join(workspace.root, 'kind'));
    await write('fresh.txt', 'one\ntwo\n');
    await write('empty', '');
    const before = workspace.git('ls-files', '--stage', '--debug');
    const diff = ok(await workspace.engine.gitDiff({ base }));
    const byPath = Object.fromEntries(diff.files.map((file) => [file.path, file]));
    expect(diff.base).toBe(base);
    expect(byPath['edit.txt']).toMatchObject({ status: 'modified', additions: 2, deletions: 1 });
    expect(byPath['edit.txt']?.patch).toContain('-b\n+B\n');
    expect(byPath['sub/new name.txt']).toMatchObject({
      status: 'renamed',
      oldPath: 'old name.txt',
      additions: 0,
      deletions: 0,
    });
    expect(byPath['gone.txt']).toMatchObject({ status: 'deleted', additions: 0, deletions: 1 });
    expect(byPath['run.sh']).toMatchObject({ status: 'modified', additions: 0, deletions: 0 });
    expect(byPath['run.sh']?.patch).toContain('new mode 100755');
    expect(byPath.kind).toMatchObject({ status: 'type-changed' });
    expect(byPath.kind?.patch.match(/^diff --git/gm)).toHaveLength(2);
    expect(byPath['fresh.txt']).toMatchObject({ status: 'added', additions: 2, deletions: 0 });
    expect(byPath.empty).toMatchObject({
      status: 'added',
      additions: 0,
      patch: expect.stringContaining('new file mode'),
    });
    expect(diff.additions).toBe(diff.files.reduce((sum, file) => sum + file.additions, 0));
    expect(workspace.git('ls-files', '--stage', '--debug')).toBe(before);
    const one = ok(await workspace.engine.gitDiff({ base, path: 'edit.txt', contextLines: 0 }));
    expect(one.files).toHaveLength(1);
    expect(one.files[0]?.patch).not.toContain('\n a\n');
  });

  it('shows no patch for binary files and cuts long ones at a line’s end', async () => {
    await write('a', '');
    await commit();
    writeFileSync(join(workspace.root, 'b.bin'), Buffer.from([0, 1, 2, 0]));
    await write('long.txt', 'diff --git a/x b/x\n'.repeat(10_000));
    await write('z.txt', 'z\n');
    const diff = ok(await workspace.engine.gitDiff({ maxPatchBytes: 500 }));
    expect(diff.files.map((file) => [file.path, file.binary, file.truncated])).toEqual([
      ['b.bin', true, false],
      ['long.txt', false, true],
      ['z.txt', false, false],
    ]);
    expect(diff.files[0]?.patch).toBe('');
    expect(diff.files[1]).toMatchObject({
      additions: 10_000,
      patch: expect.stringMatching(/\n\+diff --git a\/x b\/x\n$/),
    });
    expect(diff.files[2]?.patch).toContain('+z\n');
    expect(Buffer.byteLength(diff.files[1]?.patch ?? '')).toBeLessThanOrEqual(500);
  });

  it('diffs a conflict as the working tree has it', async () => {
    await write('f', 'base\n');
    await commit();
    ok(await workspace.engine.gitCheckout({ branch: 'other', createFrom: 'main' }));
    await write('f', 'other\n');
    await commit();
    ok(await workspace.engine.gitCheckout({ branch: 'main' }));
    await write('f', 'main\n');
    await commit();
    expect(() => workspace.git('merge', 'other')).toThrow();
    expect(ok(await workspace.engine.gitStatus()).files).toEqual([
      { path: 'f', index: 'U', workingTree: 'U' },
    ]);
    const [file] = ok(await workspace.engine.gitDiff({})).files;
    expect(file).toMatchObject({ path: 'f', status: 'modified' });
    expect(file?.patch).toContain('+<<<<<<<');
    await write('f', 'both\n');
    const { commit: merged } = await commit('merge');
    expect(ok(await workspace.engine.gitLog({ limit: 1 })).commits[0]).toMatchObject({
      commit: merged,
      parents: [expect.any(String), expect.any(String)],
    });
  });

  it('lists commits of a range, newest first, and knows what is not there', async () => {
    expect(ok(await workspace.engine.gitLog({})).commits).toEqual([]);
    for (const message of ['one', 'two', 'three']) {
      await write('a', message);
      await commit(message);
    }
    const subjects = async (revision: string) =>
      ok(await workspace.engine.gitLog({ revision })).commits.map((entry) => entry.subject);
    expect(await subjects('HEAD~2..HEAD')).toEqual(['three', 'two']);
    expect(ok(await workspace.engine.gitLog({ limit: 1 })).commits).toHaveLength(1);
    for (const revision of ['nowhere', '--output=pwned', 'a b']) {
      expect(errorOf(await workspace.engine.gitLog({ revision })).code).toBe('BRANCH_NOT_FOUND');
    }
    expect(errorOf(await workspace.engine.gitDiff({ base: '--output=pwned' })).code).toBe('BRANCH_NOT_FOUND');
  });

  it('switches and makes branches, always stays on one, and loses no local change', async () => {
    await write('a', '1');
    await commit();
    ok(await workspace.engine.gitCheckout({ branch: 'feature/日本', createFrom: 'main' }));
    await write('a', '2');
    const { commit: second, branch } = await commit();
    expect(branch).toBe('feature/日本');
    await write('new', 'untracked');
    expect(ok(await workspace.engine.gitCheckout({ branch: 'main' })).headCommit).not.toBe(second);
    expect(readFileSync(join(workspace.root, 'new'), 'utf8')).toBe('untracked');
    await write('a', 'local');
    expect(errorOf(await workspace.engine.gitCheckout({ branch: 'feature/日本' })).code).toBe('GIT_CONFLICT');
    expect(readFileSync(join(workspace.root, 'a'), 'utf8')).toBe('local');
    expect(ok(await workspace.engine.gitStatus()).branch).toBe('main');
    expect(
      ok(await workspace.engine.gitCheckout({ branch: 'main', createFrom: second })).headCommit,
    ).not.toBe(second);
    expect(errorOf(await workspace.engine.gitCheckout({ branch: second })).code).toBe('BRANCH_NOT_FOUND');
    expect(errorOf(await workspace.engine.gitCheckout({ branch: 'x', createFrom: 'nowhere' })).code).toBe(
      'BRANCH_NOT_FOUND',
    );
    for (const name of ['-f', 'a..b', 'a b', 'x.lock']) {
      expect(errorOf(await workspace.engine.gitCheckout({ branch: name, createFrom: 'main' })).code).toBe(
        'VALIDATION_FAILED',
      );
    }
  });

  it('works on packed refs and in a SHA-256 repository', async () => {
    await write('a', '1');
    await commit();
    workspace.git('pack-refs', '--all');
    await write('a', '2');
    const { commit: head } = await commit();
    expect(workspace.git('rev-parse', 'main').trim()).toBe(head);
    rmSync(join(workspace.root, '.git'), { recursive: true });
    workspace.git('init', '-q', '-b', 'main', '--object-format=sha256');
    expect((await commit()).commit).toHaveLength(64);
    expect(workspace.git('status', '--porcelain')).toBe('');
  });

  it('refuses what is no repository of its own', async () => {
    rmSync(join(workspace.root, '.git'), { recursive: true });
    expect(errorOf(await workspace.engine.gitStatus()).code).toBe('REPOSITORY_NOT_FOUND');
    writeFileSync(join(workspace.root, '.git'), 'gitdir: /elsewhere');
    expect(errorOf(await workspace.engine.gitStatus()).code).toBe('REPOSITORY_NOT_FOUND');
    rmSync(join(workspace.root, '.git'));
    symlinkSync('/elsewhere', join(workspace.root, '.git'));
    expect(errorOf(await workspace.engine.gitStatus()).code).toBe('REPOSITORY_NOT_FOUND');
    rmSync(join(workspace.root, '.git'));
    mkdirSync(join(workspace.root, '.git'));
    expect(errorOf(await workspace.engine.gitStatus()).code).toBe('GIT_FAILED');
  });

  it('says that the repository’s config is broken', async () => {
    writeFileSync(join(workspace.root, '.git/config'), '[core');
    expect(errorOf(await workspace.engine.gitStatus())).toMatchObject({
      code: 'GIT_FAILED',
      message: expect.stringContaining('.git/config'),
    });
  });

  it('ends with the signal', async () => {
    const control = new AbortController();
    const pending = workspace.engine.gitStatus({ signal: control.signal });
    control.abort();
    expect(errorOf(await pending).code).toBe('CANCELLED');
  });
});

describe('git that is not there', () => {
  it('is said to be missing', async () => {
    const workspace = makeWorkspace({ environment: { PATH: '/nowhere' } });
    mkdirSync(join(workspace.root, '.git'));
    expect(errorOf(await workspace.engine.gitStatus()).code).toBe('GIT_MISSING');
    await workspace.close();
  });
});
