import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MirrorCache, pickBase } from '../../src/git/mirror-cache.ts';
import type { RepositorySource } from '../../src/git/repository-source.ts';
import { git, makeRepository, temporaryDirectory, writeFiles } from '../support/git-repository.ts';

const environment = {
  variables: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', GIT_CONFIG_GLOBAL: '/dev/null' },
};

async function setUp() {
  const directory = await temporaryDirectory();
  const path = await makeRepository(join(directory.path, 'origin'), { 'a.txt': 'one\n' });
  const source: RepositorySource = { kind: 'local', url: path, name: 'origin' };
  return { directory, path, source, mirrors: new MirrorCache(join(directory.path, 'mirrors'), environment) };
}

describe('MirrorCache', () => {
  it('fetches a commit once and transfers nothing for the second task', async () => {
    const { directory, source, mirrors } = await setUp();
    await using _ = directory;
    const refs = await mirrors.readRefs(source);
    const { commit } = pickBase(refs, undefined, 'origin');
    expect(await mirrors.ensureCommit(source, commit, refs.defaultBranch)).toBe(true);
    expect(await mirrors.ensureCommit(source, commit, refs.defaultBranch)).toBe(false);
    expect(await mirrors.cachedDefault(source)).toBe(commit);
  });

  it('sees what is new in the repository', async () => {
    const { directory, path, source, mirrors } = await setUp();
    await using _ = directory;
    const first = pickBase(await mirrors.readRefs(source), 'main', 'origin');
    await mirrors.ensureCommit(source, first.commit, 'main');
    await writeFiles(path, { 'b.txt': 'two\n' });
    await git(path, 'add', '--all');
    await git(path, 'commit', '--quiet', '--message', 'Second');
    const second = pickBase(await mirrors.readRefs(source), 'main', 'origin');
    expect(second.commit).not.toBe(first.commit);
    expect(await mirrors.ensureCommit(source, second.commit, 'main')).toBe(true);
    expect(await mirrors.cachedCommit(source, 'main')).toBe(second.commit);
  });

  it('fetches what a fetch that was killed had only begun to store', async () => {
    const { directory, path, source, mirrors } = await setUp();
    await using _ = directory;
    const { commit } = pickBase(await mirrors.readRefs(source), 'main', 'origin');
    const mirror = mirrors.path(source);
    await git(directory.path, 'init', '--quiet', '--bare', mirror);
    // Objects are stored one by one, commits first; refs come last.
    const object = join('objects', commit.slice(0, 2), commit.slice(2));
    await mkdir(dirname(join(mirror, object)), { recursive: true });
    await copyFile(join(path, '.git', object), join(mirror, object));
    expect(await mirrors.ensureCommit(source, commit, 'main')).toBe(true);
    expect(await git(mirror, 'show', 'main:a.txt')).toBe('one');
  });

  it('lets six tasks want the same new commit at once', async () => {
    const { directory, source, mirrors } = await setUp();
    await using _ = directory;
    const { commit } = pickBase(await mirrors.readRefs(source), 'main', 'origin');
    const fetched = await Promise.all(
      Array.from({ length: 6 }, () => mirrors.ensureCommit(source, commit, 'main')),
    );
    expect(fetched.filter(Boolean)).toHaveLength(1);
  });

  it('names the branches there are when the wanted one is missing', async () => {
    const { directory, source, mirrors } = await setUp();
    await using _ = directory;
    const refs = await mirrors.readRefs(source);
    expect(() => pickBase(refs, 'nope', 'origin')).toThrow(/no branch "nope".*main/);
  });

  it('tells an empty directory, a missing one and one without a repository apart from a repository', async () => {
    await using directory = await temporaryDirectory();
    const mirrors = new MirrorCache(join(directory.path, 'mirrors'), environment);
    const missing: RepositorySource = {
      kind: 'local',
      url: join(directory.path, 'missing'),
      name: 'missing',
    };
    await expect(mirrors.readRefs(missing)).rejects.toMatchObject({ code: 'REPOSITORY_NOT_FOUND' });
    const plain: RepositorySource = { kind: 'local', url: directory.path, name: 'plain' };
    await expect(mirrors.readRefs(plain)).rejects.toThrow(/not a git repository/);
  });

  it('says that a repository without commits has none', async () => {
    await using directory = await temporaryDirectory();
    await git(directory.path, 'init', '--quiet');
    const mirrors = new MirrorCache(join(directory.path, 'mirrors'), environment);
    const refs = await mirrors.readRefs({ kind: 'local', url: directory.path, name: 'empty' });
    expect(() => pickBase(refs, undefined, 'empty')).toThrow(/no commits yet/);
  });

  it('says that git is missing when it is', async () => {
    await using directory = await temporaryDirectory();
    const mirrors = new MirrorCache(directory.path, { variables: { PATH: directory.path } });
    await expect(
      mirrors.readRefs({ kind: 'remote', url: 'https://127.0.0.1/x', name: 'x' }),
    ).rejects.toMatchObject({
      code: 'GIT_MISSING',
    });
  });
});
