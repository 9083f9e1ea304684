import { unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import { chunksOf, concat, expectFailure, textOf } from './expectations.ts';
import type { RemoteSubject } from './remote-subject.ts';

const branch = 'shadow/work';
const originUrl = 'https://example.com/team/project.git';

/** gitBundle and gitRestore. */
export function bundling(subject: RemoteSubject): void {
  it('counts the commits of all branches since another', async () => {
    const { url, commit } = await subject.repository();
    await subject.clone({ url, branch });
    const first = await subject.work('one.txt');
    unwrap(await subject.executor.gitCheckout({ branch: 'shadow/side', createFrom: commit }));
    await subject.work('two.txt');
    const all = unwrap(await subject.executor.gitBundle({ since: commit }));
    expect(all.commits).toBe(2);
    expect((await concat(all.content)).length).toBeGreaterThan(0);
    const later = unwrap(await subject.executor.gitBundle({ since: first }));
    expect(later.commits).toBe(1);
    await concat(later.content);
  });

  it('is empty when there is nothing new', async () => {
    const { url, commit } = await subject.repository();
    await subject.clone({ url, branch });
    unwrap(await subject.executor.writeFile({ path: 'loose.txt', content: 'not committed' }));
    const { commits, content } = unwrap(await subject.executor.gitBundle({ since: commit }));
    expect(commits).toBe(0);
    expect((await concat(content)).length).toBe(0);
  });

  it('says that the commit is not there: BRANCH_NOT_FOUND', async () => {
    const { url } = await subject.repository();
    await subject.clone({ url, branch });
    expectFailure(
      await subject.executor.gitBundle({ since: '0'.repeat(39).concat('1') }),
      'BRANCH_NOT_FOUND',
    );
  });

  it('says that there is no repository: REPOSITORY_NOT_FOUND', async () => {
    expectFailure(await subject.executor.gitBundle({ since: 'a'.repeat(40) }), 'REPOSITORY_NOT_FOUND');
  });

  it('does not make a repository from part of one: VALIDATION_FAILED', async () => {
    const { url, commit } = await subject.repository();
    await subject.clone({ url, branch });
    const head = await subject.work();
    const { content } = unwrap(await subject.executor.gitBundle({ since: commit }));
    const bytes = await concat(content);
    await subject.shared.seed.clear?.();
    const request = { branch: 'again', base: branch, commit: head, originUrl };
    const result = await subject.executor.gitRestore(request, chunksOf(bytes));
    expectFailure(result, 'VALIDATION_FAILED');
    expectFailure(await subject.executor.gitStatus(), 'REPOSITORY_NOT_FOUND');
  });

  it('makes a repository from one that was bundled whole', async () => {
    const { bytes, head } = await whole(subject);
    const request = { branch: 'again', base: branch, commit: head, originUrl };
    const pieces = [bytes.subarray(0, 7), bytes.subarray(7, 100), bytes.subarray(100)];
    const restored = unwrap(await subject.executor.gitRestore(request, chunksOf(...pieces)));
    expect(restored).toEqual({ success: true, branch: 'again', baseBranch: branch, baseCommit: head });
    expect(unwrap(await subject.executor.gitStatus())).toMatchObject({
      branch: 'again',
      headCommit: head,
      clean: true,
    });
    expect(await textOf(subject.shared, 'work.txt')).toBe('done\n');
    const again = unwrap(await subject.executor.gitRestore(request, chunksOf(bytes)));
    expect(again).toEqual(restored);
  });

  it('says that base or commit are not in it: BRANCH_NOT_FOUND', async () => {
    const { bytes, head } = await whole(subject);
    const request = { branch: 'again', base: branch, commit: head, originUrl };
    const { executor } = subject;
    const noBase = await executor.gitRestore({ ...request, base: 'nowhere' }, chunksOf(bytes));
    expectFailure(noBase, 'BRANCH_NOT_FOUND');
    const noCommit = await executor.gitRestore({ ...request, commit: 'b'.repeat(40) }, chunksOf(bytes));
    expectFailure(noCommit, 'BRANCH_NOT_FOUND');
    unwrap(await executor.gitRestore(request, chunksOf(bytes)));
  });

  it('takes no other bytes, and half of a bundle is none', async () => {
    const { bytes, head } = await whole(subject);
    const request = { branch: 'again', base: branch, commit: head, originUrl };
    const { executor } = subject;
    expectFailure(await executor.gitRestore(request, chunksOf('no bundle at all\n\n')), 'VALIDATION_FAILED');
    expectFailure(await executor.gitRestore(request, chunksOf()), 'VALIDATION_FAILED');
    const half = await executor.gitRestore(request, chunksOf(bytes.subarray(0, bytes.length - 30)));
    expect(half.success).toBe(false);
    expectFailure(await executor.gitStatus(), 'REPOSITORY_NOT_FOUND');
    unwrap(await executor.gitRestore(request, chunksOf(bytes)));
  });

  it('does nothing once its signal is aborted: CANCELLED', async () => {
    const signal = AbortSignal.abort();
    const request = { branch, base: 'main', commit: 'a'.repeat(40), originUrl };
    expectFailure(await subject.executor.gitRestore(request, chunksOf('x'), { signal }), 'CANCELLED');
    expectFailure(await subject.executor.gitBundle({ since: 'a'.repeat(40) }, { signal }), 'CANCELLED');
  });
}

/** A bundle of a whole repository: its history begins in the workspace, on a branch without a parent. */
async function whole(subject: RemoteSubject): Promise<{ bytes: Buffer; head: string }> {
  const { url, commit } = await subject.repository();
  const other = await subject.remotes.commit(url, 'unrelated', { 'unrelated.txt': 'x' }, { orphan: true });
  await subject.clone({ url, branch, commit });
  const head = await subject.work();
  const { content } = unwrap(await subject.executor.gitBundle({ since: other }));
  const bytes = await concat(content);
  await subject.shared.seed.clear?.();
  return { bytes, head };
}
