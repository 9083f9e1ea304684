import { unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import { expectFailure, textOf } from './expectations.ts';
import { CREDENTIAL, FILES, type RemoteSubject } from './remote-subject.ts';

/** gitClone. */
export function cloning(subject: RemoteSubject): void {
  const branch = 'shadow/work';

  it('brings the files of the default branch, on a branch of its own', async () => {
    const { url, commit } = await subject.repository();
    expect(await subject.clone({ url, branch })).toEqual({
      success: true,
      baseBranch: 'main',
      baseCommit: commit,
      branch,
    });
    expect(unwrap(await subject.executor.gitStatus())).toEqual({
      success: true,
      branch,
      headCommit: commit,
      files: [],
      clean: true,
    });
    for (const [path, content] of Object.entries(FILES)) {
      expect(await textOf(subject.shared, path)).toBe(content);
    }
  });

  it('begins at another branch when that is asked for', async () => {
    const { url } = await subject.repository();
    const tip = await subject.remotes.commit(url, 'release/2', { 'two.txt': '2' });
    const cloned = await subject.clone({ url, branch, base: 'release/2' });
    expect(cloned).toMatchObject({ baseBranch: 'release/2', baseCommit: tip });
    expect(await textOf(subject.shared, 'two.txt')).toBe('2');
  });

  it('begins at an earlier commit when that is asked for', async () => {
    const { url, commit } = await subject.repository();
    await subject.remotes.commit(url, 'main', { 'later.txt': 'x' });
    const cloned = await subject.clone({ url, branch, base: 'main', commit });
    expect(cloned).toMatchObject({ baseBranch: 'main', baseCommit: commit });
    expectFailure(await subject.executor.readFile({ path: 'later.txt' }), 'FILE_NOT_FOUND');
  });

  it('takes branches of any script', async () => {
    const { url } = await subject.repository();
    const tip = await subject.remotes.commit(url, 'größe/文字', { 'x.txt': 'x' });
    const cloned = await subject.clone({ url, branch: 'arbeit/файл', base: 'größe/文字' });
    expect(cloned).toMatchObject({ baseBranch: 'größe/文字', baseCommit: tip, branch: 'arbeit/файл' });
    expect(unwrap(await subject.executor.gitStatus()).branch).toBe('arbeit/файл');
  });

  it('takes the name of the base for the branch too', async () => {
    const { url } = await subject.repository();
    expect(await subject.clone({ url, branch: 'main' })).toMatchObject({
      baseBranch: 'main',
      branch: 'main',
    });
  });

  it('fetches only as much history as is asked for, and as the start needs', async () => {
    const { url, commit } = await subject.repository();
    const tip = await subject.remotes.commit(url, 'main', { 'b.txt': 'b' });
    expect(await subject.clone({ url, branch, depth: 1 })).toMatchObject({ baseCommit: tip });
    await subject.shared.seed.clear?.();
    expect(await subject.clone({ url, branch, depth: 1, commit })).toMatchObject({ baseCommit: commit });
    expect(unwrap(await subject.executor.gitStatus()).headCommit).toBe(commit);
    await subject.shared.seed.clear?.();
    expect(await subject.clone({ url, branch, depth: 1 })).toMatchObject({ baseCommit: tip });
    expect(unwrap(await subject.executor.gitLog({})).commits).toMatchObject([{ commit: tip }]);
  });

  it('opens a private repository with its credential', async () => {
    const { url, commit } = await subject.repository(CREDENTIAL);
    expect(await subject.clone({ url, branch, credential: CREDENTIAL })).toMatchObject({
      baseCommit: commit,
    });
  });

  it('is refused by a private repository without one, or with a wrong one: REPOSITORY_ACCESS_DENIED', async () => {
    const { url } = await subject.repository(CREDENTIAL);
    expectFailure(await subject.executor.gitClone({ url, branch }), 'REPOSITORY_ACCESS_DENIED');
    const credential = { username: 'ada', password: 'a-wrong-password-entirely' };
    const error = expectFailure(
      await subject.executor.gitClone({ url, branch, credential }),
      'REPOSITORY_ACCESS_DENIED',
    );
    expect(error.retryable).toBe(false);
    expect(JSON.stringify(error)).not.toContain(credential.password);
  });

  it('says that there is no such repository: REPOSITORY_NOT_FOUND', async () => {
    await subject.repository();
    const result = await subject.executor.gitClone({ url: subject.remotes.missing(), branch });
    expectFailure(result, 'REPOSITORY_NOT_FOUND');
  });

  it('says that nobody listens, and that a repeat may help: REPOSITORY_UNREACHABLE', async () => {
    const result = await subject.executor.gitClone({ url: subject.remotes.unreachable(), branch });
    expect(expectFailure(result, 'REPOSITORY_UNREACHABLE').retryable).toBe(true);
  });

  it('says that the base is not there: BRANCH_NOT_FOUND', async () => {
    const { url, commit } = await subject.repository();
    for (const further of [{}, { commit }, { depth: 1 }]) {
      const result = await subject.executor.gitClone({ url, branch, base: 'nowhere', ...further });
      expectFailure(result, 'BRANCH_NOT_FOUND');
    }
  });

  it('says that the base does not reach the commit: BRANCH_NOT_FOUND', async () => {
    const { url } = await subject.repository();
    const commit = await subject.remotes.commit(url, 'side', { 'side.txt': 'x' });
    const result = await subject.executor.gitClone({ url, branch, base: 'main', commit });
    expectFailure(result, 'BRANCH_NOT_FOUND');
  });

  it('says that an empty repository has nothing to begin at: BRANCH_NOT_FOUND', async () => {
    const url = await subject.remotes.create();
    expectFailure(await subject.executor.gitClone({ url, branch }), 'BRANCH_NOT_FOUND');
  });

  it('leaves nothing behind when it fails, so that another can follow', async () => {
    const { url } = await subject.repository();
    expectFailure(await subject.executor.gitClone({ url, branch, base: 'nowhere' }), 'BRANCH_NOT_FOUND');
    const { entries } = unwrap(await subject.executor.listDirectory({ includeIgnored: true }));
    expect(entries).toEqual([]);
    expectFailure(await subject.executor.gitStatus(), 'REPOSITORY_NOT_FOUND');
    await subject.clone({ url, branch });
  });

  it('leaves a finished clone of the same as it is, work included', async () => {
    const { url, commit } = await subject.repository();
    const first = await subject.clone({ url, branch });
    const head = await subject.work();
    unwrap(await subject.executor.writeFile({ path: 'loose.txt', content: 'x' }));
    await subject.remotes.commit(url, 'main', { 'later.txt': 'x' });
    expect(await subject.clone({ url, branch })).toEqual(first);
    expect(first.baseCommit).toBe(commit);
    const status = unwrap(await subject.executor.gitStatus());
    expect(status).toMatchObject({ headCommit: head, files: [{ path: 'loose.txt' }] });
  });

  it('does not replace another clone, or one on another branch: ALREADY_EXISTS', async () => {
    const { url } = await subject.repository();
    const other = await subject.repository();
    await subject.clone({ url, branch });
    expectFailure(await subject.executor.gitClone({ url: other.url, branch }), 'ALREADY_EXISTS');
    expectFailure(await subject.executor.gitClone({ url, branch: 'shadow/other' }), 'ALREADY_EXISTS');
  });

  it('does not replace files: ALREADY_EXISTS', async () => {
    const { url } = await subject.repository();
    await subject.shared.seed.file('mine.txt', 'mine');
    expectFailure(await subject.executor.gitClone({ url, branch }), 'ALREADY_EXISTS');
    expect(await textOf(subject.shared, 'mine.txt')).toBe('mine');
  });

  it('knows the repository by the name that origin is to have', async () => {
    const { url, commit } = await subject.repository();
    const originUrl = 'https://example.com/team/project.git';
    await subject.clone({ url, branch, originUrl });
    const again = await subject.clone({ url: originUrl, branch });
    expect(again).toMatchObject({ baseCommit: commit });
  });

  it('tells how far it is', async () => {
    const { url } = await subject.repository();
    const lines: string[] = [];
    unwrap(await subject.executor.gitClone({ url, branch }, { onProgress: (text) => lines.push(text) }));
    expect(lines.join('\n')).toMatch(/\S/);
    for (const line of lines) expect(line).not.toMatch(/[\r\n]/);
  });

  it('ends when it is cancelled half-way, and is whole the next time', async () => {
    const { url, commit } = await subject.repository();
    const abort = new AbortController();
    const onProgress = (): void => abort.abort();
    const result = await subject.executor.gitClone({ url, branch }, { signal: abort.signal, onProgress });
    expectFailure(result, 'CANCELLED');
    expect(await subject.clone({ url, branch })).toMatchObject({ baseCommit: commit });
    expect(unwrap(await subject.executor.gitStatus())).toMatchObject({ branch, clean: true });
  });

  it('does nothing once its signal is aborted: CANCELLED', async () => {
    const { url } = await subject.repository();
    const signal = AbortSignal.abort();
    expectFailure(await subject.executor.gitClone({ url, branch }, { signal }), 'CANCELLED');
    expect(unwrap(await subject.executor.listDirectory({})).entries).toEqual([]);
  });

  it('comes to one clone when it is asked for twice at once', async () => {
    const { url, commit } = await subject.repository();
    const both = await Promise.all([1, 2].map(() => subject.executor.gitClone({ url, branch })));
    for (const result of both) expect(unwrap(result)).toMatchObject({ baseCommit: commit, branch });
  });

  it.each([
    'ext::sh -c true',
    'ftp://example.com/x',
    '--upload-pack=x',
    'relative/path',
    'http://a:b@example.com/x',
  ])('does not take %s for an address: VALIDATION_FAILED', async (url) => {
    expectFailure(await subject.executor.gitClone({ url, branch }), 'VALIDATION_FAILED');
  });

  it.each(['/srv/project', 'file:///srv/project'])(
    'does not clone from the machine’s disk: %s, FORBIDDEN',
    async (url) => {
      expectFailure(await subject.executor.gitClone({ url, branch }), 'FORBIDDEN');
    },
  );

  it.each(['a..b', '-x', 'x.lock', 'a b'])(
    'does not take %s for a branch: VALIDATION_FAILED',
    async (name) => {
      const { url } = await subject.repository();
      expectFailure(await subject.executor.gitClone({ url, branch: name }), 'VALIDATION_FAILED');
    },
  );
}
