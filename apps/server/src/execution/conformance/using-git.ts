import { unwrap } from '@shadow/protocol';
import { beforeEach, expect, it } from 'vitest';
import { exists, expectFailure, textOf } from './expectations.ts';
import { commit, write } from './git-steps.ts';
import type { SharedSubject } from './shared-subject.ts';
import { showingDiffs } from './showing-diffs.ts';

/** Git operations in a repository with one commit; each test has a branch of its own from there. */
export function usingGit(shared: SharedSubject): void {
  let seed = '';
  beforeEach(async () => {
    // What the test before left is put on its own branch, so that this one starts clean.
    await shared.executor.gitCommit({ message: 'left over' });
    const log = unwrap(await shared.executor.gitLog({ limit: 1000 }));
    seed = log.commits.at(-1)?.commit ?? '';
    unwrap(await shared.executor.gitCheckout({ branch: `test/${shared.freshName()}`, createFrom: seed }));
  });
  status(shared);
  showingDiffs(shared);
  commits(shared);
  commitsRefused(shared);
  logs(shared);
  checkouts(shared, () => seed);
  checkoutsRefused(shared, () => seed);
}

function status(shared: SharedSubject): void {
  it('says that nothing has changed, and where HEAD is', async () => {
    const { commits: log } = unwrap(await shared.executor.gitLog({}));
    expect(unwrap(await shared.executor.gitStatus())).toMatchObject({
      branch: expect.stringMatching(/^test\/t\d+$/),
      headCommit: log[0]?.commit,
      files: [],
      clean: true,
    });
  });

  it('names untracked, modified and deleted files', async () => {
    await write(shared, 'a', '1\n');
    await write(shared, 'b', '1\n');
    await commit(shared, 'two files');
    await write(shared, 'a', '2\n');
    unwrap(await shared.executor.deleteFile({ path: 'b' }));
    await write(shared, 'dir/new', 'x\n');
    const { files, clean } = unwrap(await shared.executor.gitStatus());
    expect(clean).toBe(false);
    expect(files).toEqual([
      { path: 'a', index: '.', workingTree: 'M' },
      { path: 'b', index: '.', workingTree: 'D' },
      { path: 'dir/new', index: '?', workingTree: '?' },
    ]);
  });

  it('names files whose names have spaces and any script', async () => {
    await write(shared, 'mit leer/файл 文.txt', 'x');
    const { files } = unwrap(await shared.executor.gitStatus());
    expect(files.map(({ path }) => path)).toEqual(['mit leer/файл 文.txt']);
  });

  it('leaves ignored files out', async () => {
    await write(shared, '.gitignore', '*.log\n');
    await commit(shared, 'rules');
    await write(shared, 'x.log', 'x');
    expect(unwrap(await shared.executor.gitStatus()).clean).toBe(true);
  });
}

function commits(shared: SharedSubject): void {
  it('commits everything that changed, new and deleted files included', async () => {
    await write(shared, 'new', 'x\n');
    unwrap(await shared.executor.deleteFile({ path: 'README.md' }));
    const done = await commit(shared, 'All of it');
    expect(done).toMatchObject({ commit: expect.stringMatching(/^[0-9a-f]{40}$/), filesChanged: 2 });
    const after = unwrap(await shared.executor.gitStatus());
    expect(after).toMatchObject({ clean: true, headCommit: done.commit, branch: done.branch });
  });

  it('commits only the given paths', async () => {
    await write(shared, 'a/one', 'x\n');
    await write(shared, 'a/two', 'x\n');
    await write(shared, 'b', 'x\n');
    const done = unwrap(await shared.executor.gitCommit({ message: 'part', paths: ['a'] }));
    expect(done.filesChanged).toBe(2);
    expect(unwrap(await shared.executor.gitStatus()).files.map(({ path }) => path)).toEqual(['b']);
  });

  it('keeps message, author and any script', async () => {
    await write(shared, 'f', 'x\n');
    const author = { name: 'Zoë 王小明', email: 'zoe@example.org' };
    unwrap(await shared.executor.gitCommit({ message: 'Fix “quotes” & $(things) 🎉\n\nBody.\n', author }));
    const { commits: log } = unwrap(await shared.executor.gitLog({ limit: 1 }));
    expect(log).toMatchObject([
      { subject: 'Fix “quotes” & $(things) 🎉', authorName: 'Zoë 王小明', authorEmail: 'zoe@example.org' },
    ]);
  });

  it('takes Shadow for the author when nobody is named', async () => {
    await write(shared, 'f', 'x\n');
    unwrap(await shared.executor.gitCommit({ message: 'anonymous' }));
    const { commits: log } = unwrap(await shared.executor.gitLog({ limit: 1 }));
    expect(log).toMatchObject([{ authorName: 'Shadow', authorEmail: 'shadow@localhost' }]);
  });

  it('takes a message that looks like an option for a message', async () => {
    await write(shared, 'f', 'x\n');
    unwrap(await shared.executor.gitCommit({ message: '--amend' }));
    expect(unwrap(await shared.executor.gitLog({ limit: 1 })).commits[0]?.subject).toBe('--amend');
  });

  it('does not commit ignored files', async () => {
    await write(shared, '.gitignore', 'secret\n');
    await write(shared, 'secret', 'x');
    await write(shared, 'open', 'x');
    expect((await commit(shared, 'open')).filesChanged).toBe(2);
  });

  it('commits a file that took the place of a directory', async () => {
    await write(shared, 'place/x', 'x\n');
    await commit(shared, 'directory');
    unwrap(await shared.executor.deleteFile({ path: 'place', recursive: true }));
    await write(shared, 'place', 'now a file\n');
    expect((await commit(shared, 'file')).filesChanged).toBe(2);
    expect(unwrap(await shared.executor.gitStatus()).clean).toBe(true);
  });
}

function commitsRefused(shared: SharedSubject): void {
  it('refuses to commit nothing: NOTHING_TO_COMMIT', async () => {
    expectFailure(await shared.executor.gitCommit({ message: 'nothing' }), 'NOTHING_TO_COMMIT');
  });

  it('refuses to commit paths in which nothing changed: NOTHING_TO_COMMIT', async () => {
    await write(shared, 'a', 'x\n');
    const result = await shared.executor.gitCommit({ message: 'none', paths: ['README.md'] });
    expectFailure(result, 'NOTHING_TO_COMMIT');
  });

  it.each([
    ['an empty message', { message: '' }],
    ['a message of nothing but space', { message: ' \n\t\n' }],
    ['an author of nothing but space', { message: 'x', author: { name: ' ', email: 'a@b' } }],
  ])('refuses %s: VALIDATION_FAILED', async (_what, request) => {
    await write(shared, 'a', 'x\n');
    expectFailure(await shared.executor.gitCommit(request), 'VALIDATION_FAILED');
  });

  it('refuses to commit a path outside: PATH_OUTSIDE_WORKSPACE', async () => {
    const result = await shared.executor.gitCommit({ message: 'x', paths: ['../x'] });
    expectFailure(result, 'PATH_OUTSIDE_WORKSPACE');
  });
}

function logs(shared: SharedSubject): void {
  it('lists commits, the newest first, each with its parent', async () => {
    await write(shared, 'f', '1\n');
    const first = await commit(shared, 'first');
    await write(shared, 'f', '2\n');
    const second = await commit(shared, 'second');
    const { commits: log } = unwrap(await shared.executor.gitLog({}));
    expect(log.map(({ subject }) => subject)).toEqual(['second', 'first', 'Seed']);
    expect(log[0]).toMatchObject({ commit: second.commit, parents: [first.commit] });
    expect(log[2]?.parents).toEqual([]);
    expect(Number.isNaN(Date.parse(log[0]?.authoredAt ?? ''))).toBe(false);
  });

  it('lists as many as it is told', async () => {
    await write(shared, 'f', '1\n');
    await commit(shared, 'first');
    expect(unwrap(await shared.executor.gitLog({ limit: 1 })).commits).toHaveLength(1);
  });

  it('lists the commits of a range', async () => {
    const base = unwrap(await shared.executor.gitStatus()).headCommit;
    await write(shared, 'f', '1\n');
    await commit(shared, 'since');
    const { commits: log } = unwrap(await shared.executor.gitLog({ revision: `${base}..HEAD` }));
    expect(log.map(({ subject }) => subject)).toEqual(['since']);
    expect(unwrap(await shared.executor.gitLog({ revision: 'HEAD..HEAD' })).commits).toEqual([]);
  });

  it('lists the commits of another branch', async () => {
    await write(shared, 'f', '1\n');
    await commit(shared, 'here');
    const { commits: log } = unwrap(await shared.executor.gitLog({ revision: 'main' }));
    expect(log.map(({ subject }) => subject)).toEqual(['Seed']);
  });

  it.each(['no-such-branch', '--all', 'main..nowhere'])(
    'refuses the revision %s: BRANCH_NOT_FOUND',
    async (revision) => {
      expectFailure(await shared.executor.gitLog({ revision }), 'BRANCH_NOT_FOUND');
    },
  );
}

function checkouts(shared: SharedSubject, seed: () => string): void {
  it('makes a branch at a commit and stands on it', async () => {
    const branch = `feature/${shared.freshName()}`;
    const done = unwrap(await shared.executor.gitCheckout({ branch, createFrom: seed() }));
    expect(done).toMatchObject({ branch, headCommit: seed() });
    expect(unwrap(await shared.executor.gitStatus()).branch).toBe(branch);
  });

  it('brings the files of the branch it goes to', async () => {
    const { branch } = await (async () => {
      await write(shared, 'only-here', 'x\n');
      return commit(shared, 'x');
    })();
    unwrap(await shared.executor.gitCheckout({ branch: 'main' }));
    expect(await exists(shared, 'only-here')).toBe(false);
    unwrap(await shared.executor.gitCheckout({ branch: branch ?? '' }));
    expect(await textOf(shared, 'only-here')).toBe('x\n');
  });

  it('carries local changes over when they are not in the way', async () => {
    await write(shared, 'loose', 'kept\n');
    await write(shared, 'README.md', '# Changed\n');
    unwrap(await shared.executor.gitCheckout({ branch: 'main' }));
    expect(await textOf(shared, 'loose')).toBe('kept\n');
    expect(await textOf(shared, 'README.md')).toBe('# Changed\n');
    // Main stays as it is for the other tests.
    const branch = `away/${shared.freshName()}`;
    unwrap(await shared.executor.gitCheckout({ branch, createFrom: 'HEAD' }));
  });

  it('goes to a branch that is there although a start is given', async () => {
    const branch = `twice/${shared.freshName()}`;
    unwrap(await shared.executor.gitCheckout({ branch, createFrom: seed() }));
    await write(shared, 'f', 'x\n');
    const done = await commit(shared, 'on it');
    unwrap(await shared.executor.gitCheckout({ branch: 'main' }));
    const again = unwrap(await shared.executor.gitCheckout({ branch, createFrom: seed() }));
    expect(again.headCommit).toBe(done.commit);
  });
}

function checkoutsRefused(shared: SharedSubject, seed: () => string): void {
  it('refuses to lose local changes that are in the way: GIT_CONFLICT', async () => {
    await write(shared, 'README.md', '# On this branch\n');
    await commit(shared, 'changed');
    await write(shared, 'README.md', '# Loose\n');
    expectFailure(await shared.executor.gitCheckout({ branch: 'main' }), 'GIT_CONFLICT');
    expect(await textOf(shared, 'README.md')).toBe('# Loose\n');
  });

  it('refuses to lose an untracked file that is in the way: GIT_CONFLICT', async () => {
    await write(shared, 'f', 'committed\n');
    const { branch } = await commit(shared, 'f');
    unwrap(await shared.executor.gitCheckout({ branch: 'main' }));
    await write(shared, 'f', 'loose\n');
    expectFailure(await shared.executor.gitCheckout({ branch: branch ?? '' }), 'GIT_CONFLICT');
    expect(await textOf(shared, 'f')).toBe('loose\n');
    unwrap(await shared.executor.deleteFile({ path: 'f' }));
  });

  it('refuses a branch that is not there: BRANCH_NOT_FOUND', async () => {
    expectFailure(await shared.executor.gitCheckout({ branch: 'no-such-branch' }), 'BRANCH_NOT_FOUND');
  });

  it('refuses a start that is not there: BRANCH_NOT_FOUND', async () => {
    const result = await shared.executor.gitCheckout({ branch: 'new', createFrom: 'no-such-commit' });
    expectFailure(result, 'BRANCH_NOT_FOUND');
  });

  it.each(['has space', 'a..b', '-dash', 'end.lock', 'a~1', 'ends/', '.hidden', 'a@{b'])(
    'refuses the branch name %s: VALIDATION_FAILED',
    async (branch) => {
      const result = await shared.executor.gitCheckout({ branch, createFrom: seed() });
      expectFailure(result, 'VALIDATION_FAILED');
    },
  );
}
