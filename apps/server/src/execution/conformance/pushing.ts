import { unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import { expectFailure } from './expectations.ts';
import { CREDENTIAL, type RemoteSubject } from './remote-subject.ts';

/** gitPush. */
export function pushing(subject: RemoteSubject): void {
  const branch = 'shadow/work';

  it('makes a branch there, and then adds to it', async () => {
    const { url } = await subject.repository();
    await subject.clone({ url, branch });
    const first = await subject.work('one.txt');
    expect(unwrap(await subject.executor.gitPush({ branch }))).toMatchObject({
      commit: first,
      created: true,
    });
    expect(await subject.remotes.tip(url, branch)).toBe(first);
    const second = await subject.work('two.txt');
    expect(unwrap(await subject.executor.gitPush({ branch }))).toMatchObject({
      commit: second,
      created: false,
    });
    expect(await subject.remotes.tip(url, branch)).toBe(second);
  });

  it('pushes what is there already without harm', async () => {
    const { url } = await subject.repository();
    await subject.clone({ url, branch });
    const commit = await subject.work();
    unwrap(await subject.executor.gitPush({ branch }));
    expect(unwrap(await subject.executor.gitPush({ branch }))).toMatchObject({ commit, created: false });
  });

  it('gives the branch another name there, of any script', async () => {
    const { url } = await subject.repository();
    await subject.clone({ url, branch });
    const commit = await subject.work();
    unwrap(await subject.executor.gitPush({ branch, remoteBranch: 'öffentlich/文' }));
    expect(await subject.remotes.tip(url, 'öffentlich/文')).toBe(commit);
    expect(await subject.remotes.tip(url, branch)).toBeUndefined();
  });

  it('does not overwrite what others pushed: GIT_CONFLICT', async () => {
    const { url } = await subject.repository();
    await subject.clone({ url, branch });
    await subject.work();
    const theirs = await subject.remotes.commit(url, 'main', { 'theirs.txt': 'x' });
    expectFailure(await subject.executor.gitPush({ branch, remoteBranch: 'main' }), 'GIT_CONFLICT');
    expect(await subject.remotes.tip(url, 'main')).toBe(theirs);
  });

  it('overwrites with a lease what is there as expected', async () => {
    const { url } = await subject.repository();
    await subject.clone({ url, branch });
    const commit = await subject.work();
    const theirs = await subject.remotes.commit(url, 'topic', { 'theirs.txt': 'x' });
    const request = { branch, remoteBranch: 'topic', forceWithLease: theirs };
    expect(unwrap(await subject.executor.gitPush(request))).toMatchObject({ commit, created: false });
    expect(await subject.remotes.tip(url, 'topic')).toBe(commit);
  });

  it('does not overwrite with a lease what has changed meanwhile: GIT_CONFLICT', async () => {
    const { url, commit: old } = await subject.repository();
    await subject.clone({ url, branch });
    await subject.work();
    const theirs = await subject.remotes.commit(url, 'topic', { 'theirs.txt': 'x' });
    const request = { branch, remoteBranch: 'topic', forceWithLease: old };
    expectFailure(await subject.executor.gitPush(request), 'GIT_CONFLICT');
    expect(await subject.remotes.tip(url, 'topic')).toBe(theirs);
  });

  it('makes a branch with the lease that there is none, and refuses when there is one', async () => {
    const { url } = await subject.repository();
    await subject.clone({ url, branch });
    await subject.work();
    const request = { branch, forceWithLease: null };
    expect(unwrap(await subject.executor.gitPush(request)).created).toBe(true);
    await subject.work('more.txt');
    expectFailure(await subject.executor.gitPush(request), 'GIT_CONFLICT');
  });

  it('opens a private repository with its credential, and is refused with a wrong one', async () => {
    const { url } = await subject.repository(CREDENTIAL);
    await subject.clone({ url, branch, credential: CREDENTIAL });
    const commit = await subject.work();
    expectFailure(await subject.executor.gitPush({ url, branch }), 'REPOSITORY_ACCESS_DENIED');
    const wrong = { ...CREDENTIAL, password: 'not-the-password-at-all' };
    const refused = await subject.executor.gitPush({ url, branch, credential: wrong });
    expect(expectFailure(refused, 'REPOSITORY_ACCESS_DENIED').message).not.toContain(wrong.password);
    unwrap(await subject.executor.gitPush({ url, branch, credential: CREDENTIAL }));
    expect(await subject.remotes.tip(url, branch)).toBe(commit);
  });

  it('sends no credential to an address that the workspace chose: VALIDATION_FAILED', async () => {
    const { url } = await subject.repository(CREDENTIAL);
    await subject.clone({ url, branch, credential: CREDENTIAL });
    const result = await subject.executor.gitPush({ branch, credential: CREDENTIAL });
    expectFailure(result, 'VALIDATION_FAILED');
  });

  it('says that there is no such branch, repository or server', async () => {
    const { url } = await subject.repository();
    await subject.clone({ url, branch });
    const { executor, remotes } = subject;
    expectFailure(await executor.gitPush({ branch: 'nowhere' }), 'BRANCH_NOT_FOUND');
    expectFailure(await executor.gitPush({ url: remotes.missing(), branch }), 'REPOSITORY_NOT_FOUND');
    expectFailure(await executor.gitPush({ url: remotes.unreachable(), branch }), 'REPOSITORY_UNREACHABLE');
    expectFailure(await executor.gitPush({ url: '/srv/x.git', branch }), 'FORBIDDEN');
  });

  it('needs a repository: REPOSITORY_NOT_FOUND', async () => {
    expectFailure(await subject.executor.gitPush({ branch }), 'REPOSITORY_NOT_FOUND');
  });
}
