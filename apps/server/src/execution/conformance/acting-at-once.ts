import { unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import { chunksOf, run, textOf } from './expectations.ts';
import type { SharedSubject } from './shared-subject.ts';

const MANY = Array.from({ length: 12 }, (_, index) => index);

/** Many calls at the same time come out as if they had come one after the other. */
export function actingAtOnce(shared: SharedSubject): void {
  it('writes many files at once', async () => {
    const at = await shared.place();
    const write = (index: number) =>
      shared.executor.writeFile({ path: `${at}/d${index}/f`, content: `${index}` });
    for (const result of await Promise.all(MANY.map(write))) unwrap(result);
    for (const index of MANY) expect(await textOf(shared, `${at}/d${index}/f`)).toBe(`${index}`);
  });

  it('makes one directory wanted by many', async () => {
    const path = `${shared.freshName()}/a/b`;
    const made = await Promise.all(MANY.map(() => shared.executor.makeDirectory({ path })));
    expect(made.filter((result) => unwrap(result).created)).toHaveLength(1);
  });

  it('leaves one of many contents, whole, when all write one file', async () => {
    const at = await shared.place();
    const content = (index: number) => `${index}`.repeat(50_000);
    const write = (index: number) => shared.executor.writeFile({ path: `${at}/f`, content: content(index) });
    for (const result of await Promise.all(MANY.map(write))) unwrap(result);
    expect(MANY.map(content)).toContain(await textOf(shared, `${at}/f`));
  });

  it('never shows a file half written', async () => {
    const at = await shared.place({ f: 'a'.repeat(200_000) });
    const write = (letter: string) =>
      shared.executor.writeFile({ path: `${at}/f`, content: letter.repeat(200_000) });
    const writes = Promise.all(['b', 'c', 'd', 'e'].map(write));
    for (const _read of MANY) {
      const { content } = unwrap(await shared.executor.readFile({ path: `${at}/f` }));
      expect(content).toMatch(/^(a+|b+|c+|d+|e+)$/);
      expect(content).toHaveLength(200_000);
    }
    for (const result of await writes) unwrap(result);
  });

  it('loses none of many replacements in one file', async () => {
    const at = await shared.place({ f: MANY.map((index) => `line-${index}.\n`).join('') });
    const replace = (index: number) =>
      shared.executor.searchReplace({
        path: `${at}/f`,
        oldText: `line-${index}.`,
        newText: `done-${index}.`,
      });
    for (const result of await Promise.all(MANY.map(replace))) unwrap(result);
    expect(await textOf(shared, `${at}/f`)).toBe(MANY.map((index) => `done-${index}.\n`).join(''));
  });

  it('lets one of many create a file that must not exist', async () => {
    const at = await shared.place();
    const create = (index: number) =>
      shared.executor.writeFile({ path: `${at}/f`, content: `${index}`, expectedHash: '' });
    const results = await Promise.all(MANY.map(create));
    expect(results.filter(({ success }) => success)).toHaveLength(1);
    for (const result of results) {
      if (!result.success) expect(['FILE_CHANGED', 'ALREADY_EXISTS']).toContain(result.error.code);
    }
  });

  it('lets one of many uploads take a name', async () => {
    const at = await shared.place();
    const upload = (index: number) => shared.executor.uploadFile({ path: `${at}/f` }, chunksOf(`${index}`));
    const results = await Promise.all(MANY.map(upload));
    expect(results.filter(({ success }) => success)).toHaveLength(1);
  });

  it('keeps the output of many commands apart', async () => {
    const echo = (index: number) => run(shared.executor, `echo ${index}; echo ${index} >&2`);
    const results = await Promise.all(MANY.map(echo));
    for (const [index, { stdout, stderr }] of results.entries()) {
      expect([stdout, stderr]).toEqual([`${index}\n`, `${index}\n`]);
    }
  });

  it('runs a command once that is started many times at once under one id', async () => {
    const at = await shared.place();
    const request = { command: 'echo ran >> f; echo out', cwd: at, processId: shared.freshName() };
    const results = await Promise.all(MANY.map(() => run(shared.executor, request)));
    expect(results.every(({ stdout }) => stdout === 'out\n')).toBe(true);
    expect(await textOf(shared, `${at}/f`)).toBe('ran\n');
  });

  it('searches and lists while files come and go', async () => {
    const at = await shared.place({ stays: 'hit\n' });
    const churn = MANY.map(async (index) => {
      unwrap(await shared.executor.writeFile({ path: `${at}/c${index}/f`, content: 'hit\n' }));
      unwrap(await shared.executor.deleteFile({ path: `${at}/c${index}`, recursive: true }));
    });
    for (const _again of [1, 2, 3]) {
      const found = unwrap(await shared.executor.grepSearch({ path: at, pattern: 'hit' }));
      expect(found.matches.map(({ path }) => path)).toContain(`${at}/stays`);
      unwrap(await shared.executor.listDirectory({ path: at, recursive: true }));
    }
    await Promise.all(churn);
  });
}
