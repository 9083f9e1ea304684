import { unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import { expectFailure } from './expectations.ts';
import { commit, diff, write } from './git-steps.ts';
import type { SharedSubject } from './shared-subject.ts';

/** `gitDiff`. */
export function showingDiffs(shared: SharedSubject): void {
  diffs(shared);
  diffBounds(shared);
}

function diffs(shared: SharedSubject): void {
  it('shows a modified file as a patch with counts', async () => {
    await write(shared, 'f', 'one\ntwo\nthree\n');
    await commit(shared, 'f');
    await write(shared, 'f', 'one\n2\nthree\nfour\n');
    const result = await diff(shared);
    expect(result).toMatchObject({ additions: 2, deletions: 1 });
    expect(result.files).toMatchObject([
      { path: 'f', status: 'modified', additions: 2, deletions: 1, binary: false, truncated: false },
    ]);
    const patch = result.files[0]?.patch ?? '';
    expect(patch).toMatch(/^diff --git a\/f b\/f\n/);
    expect(patch).toContain('--- a/f\n+++ b/f\n@@ -1,3 +1,4 @@\n one\n-two\n+2\n three\n+four\n');
  });

  it('shows an untracked file as added', async () => {
    await write(shared, 'new', 'one\ntwo\n');
    const { files } = await diff(shared);
    expect(files).toMatchObject([{ path: 'new', status: 'added', additions: 2, deletions: 0 }]);
    expect(files[0]?.patch).toContain('new file mode 100644');
    expect(files[0]?.patch).toContain('--- /dev/null\n+++ b/new\n@@ -0,0 +1,2 @@\n+one\n+two\n');
  });

  it('shows a deleted file', async () => {
    unwrap(await shared.executor.deleteFile({ path: 'README.md' }));
    const { files } = await diff(shared);
    expect(files).toMatchObject([{ path: 'README.md', status: 'deleted', additions: 0, deletions: 1 }]);
    expect(files[0]?.patch).toContain('+++ /dev/null\n@@ -1 +0,0 @@\n-# Seed\n');
  });

  it('shows a moved file as renamed, with what changed in it', async () => {
    await write(shared, 'old', 'a line\n'.repeat(20));
    await commit(shared, 'old');
    unwrap(await shared.executor.moveFile({ from: 'old', to: 'dir/new' }));
    await write(shared, 'dir/new', `${'a line\n'.repeat(20)}one more\n`);
    const { files } = await diff(shared);
    expect(files).toMatchObject([
      { path: 'dir/new', oldPath: 'old', status: 'renamed', additions: 1, deletions: 0 },
    ]);
    expect(files[0]?.patch).toContain('rename from old\nrename to dir/new\n');
  });

  it('shows a binary file without a patch', async () => {
    await shared.seed.file('bin', Buffer.from([1, 0, 2]));
    const { files } = await diff(shared);
    expect(files).toMatchObject([
      { path: 'bin', status: 'added', binary: true, patch: '', additions: 0, deletions: 0 },
    ]);
  });

  it('marks a missing line end at the end of a file', async () => {
    await write(shared, 'README.md', '# Seed');
    const { files } = await diff(shared);
    expect(files[0]?.patch).toContain('-# Seed\n+# Seed\n\\ No newline at end of file\n');
  });

  it('says nothing when nothing has changed', async () => {
    expect(await diff(shared)).toMatchObject({ files: [], additions: 0, deletions: 0 });
  });

  it('shows a change of a mode', async () => {
    await shared.seed.file('README.md', '# Seed\n', 0o755);
    const { files } = await diff(shared);
    expect(files).toMatchObject([{ path: 'README.md', status: 'modified', additions: 0, deletions: 0 }]);
    expect(files[0]?.patch).toContain('old mode 100644\nnew mode 100755\n');
  });

  it('leaves the repository as it was', async () => {
    await write(shared, 'new', 'x\n');
    await diff(shared);
    expect(unwrap(await shared.executor.gitStatus()).files).toEqual([
      { path: 'new', index: '?', workingTree: '?' },
    ]);
  });
}

function diffBounds(shared: SharedSubject): void {
  it('compares with another commit: what is committed since and what is not', async () => {
    const base = unwrap(await shared.executor.gitStatus()).headCommit ?? '';
    await write(shared, 'committed', 'x\n');
    await commit(shared, 'one');
    await write(shared, 'loose', 'y\n');
    const since = await diff(shared, { base });
    expect(since.base).toBe(base);
    expect(since.files.map(({ path }) => path)).toEqual(['committed', 'loose']);
    expect((await diff(shared)).files.map(({ path }) => path)).toEqual(['loose']);
  });

  it('compares with a branch by name', async () => {
    await write(shared, 'x', 'x\n');
    await commit(shared, 'x');
    expect((await diff(shared, { base: 'main' })).files.map(({ path }) => path)).toEqual(['x']);
  });

  it('shows only what is below a path', async () => {
    await write(shared, 'a/x', '1\n');
    await write(shared, 'b/x', '1\n');
    expect((await diff(shared, { path: 'a' })).files.map(({ path }) => path)).toEqual(['a/x']);
    expect((await diff(shared, { path: 'b/x' })).files.map(({ path }) => path)).toEqual(['b/x']);
  });

  it('shows as many lines around a change as it is told', async () => {
    await write(shared, 'f', '1\n2\n3\n4\n5\n');
    await commit(shared, 'f');
    await write(shared, 'f', '1\n2\nthree\n4\n5\n');
    expect((await diff(shared, { contextLines: 0 })).files[0]?.patch).toContain('@@ -3 +3 @@\n-3\n+three\n');
    expect((await diff(shared, { contextLines: 1 })).files[0]?.patch).toContain(
      '@@ -2,3 +2,3 @@\n 2\n-3\n+three\n 4\n',
    );
  });

  it('shows changes far apart as two hunks', async () => {
    const lines = Array.from({ length: 40 }, (_, index) => `line ${index + 1}`);
    await write(shared, 'f', `${lines.join('\n')}\n`);
    await commit(shared, 'f');
    await write(
      shared,
      'f',
      `${lines.join('\n').replace('line 2\n', 'second\n').replace('line 38', 'late')}\n`,
    );
    const patch = (await diff(shared)).files[0]?.patch ?? '';
    expect(patch.match(/^@@ /gm)).toHaveLength(2);
    expect(patch).toContain('@@ -1,5 +1,5 @@');
    expect(patch).toContain('@@ -35,6 +35,6 @@');
  });

  it('cuts a patch that is too long and says so', async () => {
    await write(shared, 'f', 'a line of text\n'.repeat(100));
    const { files } = await diff(shared, { maxPatchBytes: 200 });
    expect(files).toMatchObject([{ additions: 100, truncated: true }]);
    expect(Buffer.byteLength(files[0]?.patch ?? '')).toBeLessThanOrEqual(200);
  });

  it('refuses a base that does not exist: BRANCH_NOT_FOUND', async () => {
    expectFailure(await shared.executor.gitDiff({ base: 'no-such-branch' }), 'BRANCH_NOT_FOUND');
  });

  it('refuses a path outside: PATH_OUTSIDE_WORKSPACE', async () => {
    expectFailure(await shared.executor.gitDiff({ path: '../x' }), 'PATH_OUTSIDE_WORKSPACE');
  });
}
