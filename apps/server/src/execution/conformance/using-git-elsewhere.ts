import type { CallOptions, ErrorCode, OperationError } from '@shadow/protocol';
import { unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import type { ToolExecutor } from '../interfaces/tool-executor.ts';
import { expectFailure } from './expectations.ts';
import type { SharedSubject } from './shared-subject.ts';

type Outcome = { success: true } | { success: false; error: OperationError };

const CALLS: [string, (executor: ToolExecutor, options?: CallOptions) => Promise<Outcome>][] = [
  ['gitStatus', (executor, options) => executor.gitStatus(options)],
  ['gitDiff', (executor, options) => executor.gitDiff({}, options)],
  ['gitCommit', (executor, options) => executor.gitCommit({ message: 'x' }, options)],
  ['gitLog', (executor, options) => executor.gitLog({}, options)],
  ['gitCheckout', (executor, options) => executor.gitCheckout({ branch: 'main' }, options)],
];

/** Git operations in a workspace that is no repository. */
export function usingGitWithoutRepository(shared: SharedSubject): void {
  it.each(CALLS)('refuses %s: REPOSITORY_NOT_FOUND', async (_name, call) => {
    const code: ErrorCode = 'REPOSITORY_NOT_FOUND';
    expectFailure(await call(shared.executor), code);
  });

  it.each(CALLS)('does nothing once its signal is aborted: %s, CANCELLED', async (_name, call) => {
    expectFailure(await call(shared.executor, { signal: AbortSignal.abort() }), 'CANCELLED');
  });
}

/** Git operations in a repository without a commit; the tests follow each other. */
export function usingGitBeforeTheFirstCommit(shared: SharedSubject): void {
  it('stands on a branch without a commit', async () => {
    expect(unwrap(await shared.executor.gitStatus())).toMatchObject({
      branch: 'main',
      headCommit: null,
      clean: true,
    });
  });

  it('has an empty log', async () => {
    expect(unwrap(await shared.executor.gitLog({})).commits).toEqual([]);
  });

  it('shows every file as added', async () => {
    await shared.seed.file('first', 'one\n');
    const { files, additions } = unwrap(await shared.executor.gitDiff({}));
    expect(files).toMatchObject([{ path: 'first', status: 'added', additions: 1 }]);
    expect(additions).toBe(1);
  });

  it('makes the first commit', async () => {
    const done = unwrap(await shared.executor.gitCommit({ message: 'First' }));
    expect(done).toMatchObject({ branch: 'main', filesChanged: 1 });
    expect(unwrap(await shared.executor.gitLog({})).commits).toMatchObject([
      { subject: 'First', parents: [] },
    ]);
  });
}
