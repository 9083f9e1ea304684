import { unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import { expectFailure, until } from './expectations.ts';
import type { SharedSubject } from './shared-subject.ts';

/** `searchFiles`, `grepSearch`, `codebaseSearch`. */
export function searching(shared: SharedSubject): void {
  fileNames(shared);
  grepMatches(shared);
  grepScope(shared);
  grepBounds(shared);
  codebase(shared);
}

function fileNames(shared: SharedSubject): void {
  const find = async (at: string, query: string) =>
    unwrap(await shared.executor.searchFiles({ path: at, query })).paths.map((path) =>
      path.slice(at.length + 1),
    );

  it('finds files by a part of their name, the best match first', async () => {
    const at = await shared.place({ 'src/user-service.ts': '', 'docs/user.md': '', 'src/other.ts': '' });
    expect(await find(at, 'user')).toEqual(['docs/user.md', 'src/user-service.ts']);
  });

  it('finds files by letters in order, with others in between', async () => {
    const at = await shared.place({ 'src/user-service.ts': '', 'src/other.ts': '' });
    expect(await find(at, 'usrsvc')).toEqual(['src/user-service.ts']);
  });

  it('finds files by directory and name as words', async () => {
    const at = await shared.place({ 'api/routes/tasks.ts': '', 'web/tasks.ts': '' });
    expect(await find(at, 'routes tasks')).toEqual(['api/routes/tasks.ts']);
  });

  it('takes a query with glob characters for a glob, in order of names', async () => {
    const at = await shared.place({ 'b.ts': '', 'a/a.ts': '', 'a/x.js': '' });
    expect(await find(at, '*.ts')).toEqual(['a/a.ts', 'b.ts']);
    expect(await find(at, 'a/**')).toEqual(['a/a.ts', 'a/x.js']);
  });

  it('leaves out what git ignores', async () => {
    const at = await shared.place({ '.gitignore': 'dist/\n', 'dist/match.js': '', 'src/match.js': '' });
    expect(await find(at, 'match')).toEqual(['src/match.js']);
  });

  it('finds hidden files', async () => {
    const at = await shared.place({ '.github/workflow.yml': '' });
    expect(await find(at, 'workflow')).toEqual(['.github/workflow.yml']);
  });

  it('stops at the limit and says so', async () => {
    const at = await shared.place({ m1: '', m2: '', m3: '' });
    const found = unwrap(await shared.executor.searchFiles({ path: at, query: 'm', limit: 2 }));
    expect(found).toMatchObject({ truncated: true });
    expect(found.paths).toHaveLength(2);
  });

  it('finds nothing without failing', async () => {
    const at = await shared.place({ a: '' });
    expect(await find(at, 'qqqqqq')).toEqual([]);
  });

  it('finds names of any script', async () => {
    const at = await shared.place({ 'документ.txt': '', 'other.txt': '' });
    expect(await find(at, 'документ')).toEqual(['документ.txt']);
  });

  it('refuses a glob that is none: PATTERN_INVALID', async () => {
    const at = await shared.place({ a: '' });
    expectFailure(await shared.executor.searchFiles({ path: at, query: 'a[' }), 'PATTERN_INVALID');
  });

  it('refuses a place that does not exist: FILE_NOT_FOUND', async () => {
    expectFailure(
      await shared.executor.searchFiles({ path: shared.freshName(), query: 'a' }),
      'FILE_NOT_FOUND',
    );
  });

  it('refuses a file as the place to look in: NOT_A_DIRECTORY', async () => {
    const at = await shared.place({ a: '' });
    expectFailure(await shared.executor.searchFiles({ path: `${at}/a`, query: 'a' }), 'NOT_A_DIRECTORY');
  });
}

function grepMatches(shared: SharedSubject): void {
  it('finds a regular expression with line, column and text', async () => {
    const at = await shared.place({ 'a.txt': 'nothing\n  foo42 bar\n' });
    const found = unwrap(await shared.executor.grepSearch({ path: at, pattern: 'fo+\\d+' }));
    expect(found).toMatchObject({
      filesMatched: 1,
      truncated: false,
      matches: [{ path: `${at}/a.txt`, line: 2, column: 3, text: '  foo42 bar', before: [], after: [] }],
    });
  });

  it('orders matches by path and line', async () => {
    const at = await shared.place({ 'b.txt': 'x\nx\n', 'a/z.txt': 'x\n', 'a.txt': 'x\n' });
    const { matches, filesMatched } = unwrap(await shared.executor.grepSearch({ path: at, pattern: 'x' }));
    expect(filesMatched).toBe(3);
    expect(matches.map(({ path, line }) => `${path.slice(at.length + 1)}:${line}`)).toEqual([
      'a.txt:1',
      'a/z.txt:1',
      'b.txt:1',
      'b.txt:2',
    ]);
  });

  it('takes a literal pattern literally', async () => {
    const at = await shared.place({ f: 'a.b\na+b (x)\n' });
    const { matches } = unwrap(
      await shared.executor.grepSearch({ path: at, pattern: 'a+b (x)', literal: true }),
    );
    expect(matches.map(({ line }) => line)).toEqual([2]);
  });

  it('tells letters of both cases apart unless told not to', async () => {
    const at = await shared.place({ f: 'Word\nword\n' });
    const lines = async (request: { caseSensitive?: boolean }) =>
      unwrap(await shared.executor.grepSearch({ path: at, pattern: 'word', ...request })).matches.map(
        ({ line }) => line,
      );
    expect(await lines({})).toEqual([2]);
    expect(await lines({ caseSensitive: true })).toEqual([2]);
    expect(await lines({ caseSensitive: false })).toEqual([1, 2]);
  });

  it('gives lines of context before and after', async () => {
    const at = await shared.place({ f: '1\n2\n3 hit\n4\n5\n' });
    const { matches } = unwrap(
      await shared.executor.grepSearch({ path: at, pattern: 'hit', contextLines: 1 }),
    );
    expect(matches).toMatchObject([{ line: 3, before: ['2'], after: ['4'] }]);
  });

  it('gives less context at the edges of a file', async () => {
    const at = await shared.place({ f: 'hit\n2\nhit\n' });
    const { matches } = unwrap(
      await shared.executor.grepSearch({ path: at, pattern: 'hit', contextLines: 3 }),
    );
    expect(matches).toMatchObject([
      { line: 1, before: [], after: ['2', 'hit'] },
      { line: 3, before: ['hit', '2'], after: [] },
    ]);
  });

  it('matches over line ends with multiline', async () => {
    const at = await shared.place({ f: 'begin\nmiddle\nend\n' });
    const request = { path: at, pattern: 'begin.*end', multiline: true };
    const { matches } = unwrap(await shared.executor.grepSearch(request));
    expect(matches).toMatchObject([{ line: 1, text: 'begin\nmiddle\nend' }]);
    expect(unwrap(await shared.executor.grepSearch({ ...request, multiline: false })).matches).toEqual([]);
  });

  it('counts columns in characters, not bytes', async () => {
    const at = await shared.place({ f: 'äöü match\n' });
    const { matches } = unwrap(await shared.executor.grepSearch({ path: at, pattern: 'match' }));
    expect(matches).toMatchObject([{ column: 5 }]);
  });

  it('finds Unicode text', async () => {
    const at = await shared.place({ f: '日本語 👩‍💻\n' });
    const { matches } = unwrap(
      await shared.executor.grepSearch({ path: at, pattern: '本. 👩', literal: false }),
    );
    expect(matches).toHaveLength(1);
  });

  it('leaves the CR of a CRLF line out of the text', async () => {
    const at = await shared.place({ f: 'one\r\ntwo\r\n' });
    const { matches } = unwrap(await shared.executor.grepSearch({ path: at, pattern: 'two' }));
    expect(matches).toMatchObject([{ line: 2, text: 'two' }]);
  });

  it('takes a pattern that begins with a dash for a pattern', async () => {
    const at = await shared.place({ f: '--files\n' });
    const { matches } = unwrap(await shared.executor.grepSearch({ path: at, pattern: '--files' }));
    expect(matches).toHaveLength(1);
  });
}

function grepScope(shared: SharedSubject): void {
  const files = { 'a.ts': 'hit\n', 'b.js': 'hit\n', 'sub/c.ts': 'hit\n' };
  const grep = async (at: string, globs: string[]) =>
    unwrap(await shared.executor.grepSearch({ path: at, pattern: 'hit', globs })).matches.map(({ path }) =>
      path.slice(at.length + 1),
    );

  it('looks only into files that a glob names', async () => {
    const at = await shared.place(files);
    expect(await grep(at, ['*.ts'])).toEqual(['a.ts', 'sub/c.ts']);
  });

  it('leaves out files that a glob with a leading ! names', async () => {
    const at = await shared.place(files);
    expect(await grep(at, ['!*.ts'])).toEqual(['b.js']);
    expect(await grep(at, ['*.ts', '!sub/**'])).toEqual(['a.ts']);
  });

  it('looks into a single file', async () => {
    const at = await shared.place(files);
    const found = unwrap(await shared.executor.grepSearch({ path: `${at}/a.ts`, pattern: 'hit' }));
    expect(found.matches).toMatchObject([{ path: `${at}/a.ts`, line: 1 }]);
  });

  it('leaves out what git ignores', async () => {
    const at = await shared.place({ '.gitignore': '*.log\n', 'x.log': 'hit\n', 'x.txt': 'hit\n' });
    expect(await grep(at, [])).toEqual(['x.txt']);
  });

  it('looks into hidden files', async () => {
    const at = await shared.place({ '.env.example': 'hit\n' });
    expect(await grep(at, [])).toEqual(['.env.example']);
  });

  it('passes over binary files', async () => {
    const at = await shared.place({ bin: Buffer.from('\0\0hit\n'), txt: 'hit\n' });
    expect(await grep(at, [])).toEqual(['txt']);
  });

  it('does not follow symbolic links', async () => {
    const at = await shared.place({ 'd/f': 'hit\n' });
    await shared.seed.link(`${at}/link`, 'd');
    expect(await grep(at, [])).toEqual(['d/f']);
  });
}

function grepBounds(shared: SharedSubject): void {
  it('stops at the limit and says so', async () => {
    const at = await shared.place({ f: 'hit\n'.repeat(20) });
    const found = unwrap(await shared.executor.grepSearch({ path: at, pattern: 'hit', limit: 5 }));
    expect(found.truncated).toBe(true);
    expect(found.matches.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5]);
    const whole = unwrap(await shared.executor.grepSearch({ path: at, pattern: 'hit', limit: 20 }));
    expect(whole.truncated).toBe(false);
  });

  it('shortens very long lines', async () => {
    const at = await shared.place({ f: `hit${'x'.repeat(100_000)}\n` });
    const { matches } = unwrap(await shared.executor.grepSearch({ path: at, pattern: 'hit' }));
    expect(matches[0]?.text.length).toBeLessThan(3_000);
    expect(matches[0]?.text.startsWith('hitxxx')).toBe(true);
  });

  it('finds nothing without failing', async () => {
    const at = await shared.place({ f: 'text\n' });
    expect(unwrap(await shared.executor.grepSearch({ path: at, pattern: 'none' }))).toMatchObject({
      matches: [],
      filesMatched: 0,
      truncated: false,
    });
  });

  it('refuses a pattern that is none: PATTERN_INVALID', async () => {
    const at = await shared.place({ f: 'x' });
    expectFailure(await shared.executor.grepSearch({ path: at, pattern: '(unclosed' }), 'PATTERN_INVALID');
  });

  it('refuses a place that does not exist: FILE_NOT_FOUND', async () => {
    const result = await shared.executor.grepSearch({ path: shared.freshName(), pattern: 'x' });
    expectFailure(result, 'FILE_NOT_FOUND');
  });
}

function codebase(shared: SharedSubject): void {
  const source =
    'export function computeInvoiceTotal(lines) {\n  return lines.reduce((sum, line) => sum + line.price, 0);\n}\n';

  it('answers a question about the code with a snippet, or says that it cannot: UNSUPPORTED', async () => {
    const at = await shared.place({ 'billing.js': source, 'other.js': 'export const unrelated = 1;\n' });
    const query = { query: 'where is the invoice total computed', path: at };
    if (!shared.capabilities.codebaseSearch) {
      expectFailure(await shared.executor.codebaseSearch(query), 'UNSUPPORTED');
      return;
    }
    await until(async () => {
      const { snippets } = unwrap(await shared.executor.codebaseSearch(query));
      return snippets.some(({ path, startLine }) => path === `${at}/billing.js` && startLine === 1);
    }, 'the snippet');
  });
}
