import { randomUUID } from 'node:crypto';
import { unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import { chunksOf, exists, expectFailure, textOf } from './expectations.ts';
import type { SharedSubject } from './shared-subject.ts';

/** Mutations of files with an idempotency key. */
export function repeatingCalls(shared: SharedSubject): void {
  it('gives a repeat the first answer, and does nothing again', async () => {
    const directory = await shared.place({ counted: 'a' });
    const options = { idempotencyKey: randomUUID() };
    const request = { path: `${directory}/counted`, oldText: 'a', newText: 'aa' };
    const first = unwrap(await shared.executor.searchReplace(request, options));
    expect(unwrap(await shared.executor.searchReplace(request, options))).toEqual(first);
    expect(await textOf(shared, request.path)).toBe('aa');
  });

  it('runs once when the same is asked for many times at once', async () => {
    const directory = await shared.place({ counted: '1' });
    const options = { idempotencyKey: randomUUID() };
    const request = { path: `${directory}/counted`, oldText: '1', newText: '11' };
    const calls = Array.from({ length: 5 }, () => shared.executor.searchReplace(request, options));
    const answers = (await Promise.all(calls)).map((answer) => JSON.stringify(unwrap(answer)));
    expect(new Set(answers).size).toBe(1);
    expect(await textOf(shared, request.path)).toBe('11');
  });

  it('refuses a key that belongs to another request: IDEMPOTENCY_MISMATCH', async () => {
    const directory = await shared.place();
    const options = { idempotencyKey: randomUUID() };
    const path = `${directory}/mine`;
    unwrap(await shared.executor.writeFile({ path, content: 'a' }, options));
    const other = await shared.executor.writeFile({ path, content: 'b' }, options);
    expectFailure(other, 'IDEMPOTENCY_MISMATCH');
    expectFailure(await shared.executor.makeDirectory({ path }, options), 'IDEMPOTENCY_MISMATCH');
    expect(await textOf(shared, path)).toBe('a');
  });

  it('deletes once: a repeat succeeds and touches nothing that came later', async () => {
    const directory = await shared.place({ gone: 'x' });
    const options = { idempotencyKey: randomUUID() };
    const path = `${directory}/gone`;
    unwrap(await shared.executor.deleteFile({ path }, options));
    await shared.seed.file(path, 'new');
    unwrap(await shared.executor.deleteFile({ path }, options));
    expect(await textOf(shared, path)).toBe('new');
  });

  it('moves once', async () => {
    const directory = await shared.place({ from: 'x' });
    const options = { idempotencyKey: randomUUID() };
    const request = { from: `${directory}/from`, to: `${directory}/to` };
    const first = unwrap(await shared.executor.moveFile(request, options));
    expect(unwrap(await shared.executor.moveFile(request, options))).toEqual(first);
  });

  it('says again that it failed, where trying again would not help', async () => {
    const directory = await shared.place();
    const options = { idempotencyKey: randomUUID() };
    const path = `${directory}/absent`;
    expectFailure(await shared.executor.deleteFile({ path }, options), 'FILE_NOT_FOUND');
    await shared.seed.file(path, 'x');
    expectFailure(await shared.executor.deleteFile({ path }, options), 'FILE_NOT_FOUND');
    expect(await exists(shared, path)).toBe(true);
  });

  it('tells uploads apart by their bytes', async () => {
    const directory = await shared.place();
    const options = { idempotencyKey: randomUUID() };
    const request = { path: `${directory}/uploaded` };
    const upload = (text: string) => shared.executor.uploadFile(request, chunksOf(text, text), options);
    const first = unwrap(await upload('ab'));
    expect(unwrap(await upload('ab'))).toEqual(first);
    expectFailure(await upload('ac'), 'IDEMPOTENCY_MISMATCH');
    expect(await textOf(shared, request.path)).toBe('abab');
  });

  it('does not remember a call that was cancelled', async () => {
    const directory = await shared.place();
    const idempotencyKey = randomUUID();
    const request = { path: `${directory}/late`, content: 'x' };
    const signal = AbortSignal.abort();
    expectFailure(await shared.executor.writeFile(request, { idempotencyKey, signal }), 'CANCELLED');
    expect(unwrap(await shared.executor.writeFile(request, { idempotencyKey })).created).toBe(true);
  });
}

/** Mutations of a repository with an idempotency key. */
export function repeatingGitCalls(shared: SharedSubject): void {
  it('commits once: a repeat gets the first commit', async () => {
    const options = { idempotencyKey: randomUUID() };
    const path = shared.freshName();
    unwrap(await shared.executor.writeFile({ path, content: 'x' }));
    const first = unwrap(await shared.executor.gitCommit({ message: 'once' }, options));
    unwrap(await shared.executor.writeFile({ path, content: 'y' }));
    expect(unwrap(await shared.executor.gitCommit({ message: 'once' }, options))).toEqual(first);
    expect(unwrap(await shared.executor.gitStatus()).headCommit).toBe(first.commit);
    const other = await shared.executor.gitCommit({ message: 'twice' }, options);
    expectFailure(other, 'IDEMPOTENCY_MISMATCH');
    unwrap(await shared.executor.gitCommit({ message: 'clean again' }));
  });

  it('switches once: a repeat leaves the branch that was taken since', async () => {
    const options = { idempotencyKey: randomUUID() };
    const start = unwrap(await shared.executor.gitStatus()).branch ?? '';
    const request = { branch: `repeat/${shared.freshName()}`, createFrom: 'HEAD' };
    const first = unwrap(await shared.executor.gitCheckout(request, options));
    unwrap(await shared.executor.gitCheckout({ branch: start }));
    expect(unwrap(await shared.executor.gitCheckout(request, options))).toEqual(first);
    expect(unwrap(await shared.executor.gitStatus()).branch).toBe(start);
  });
}
