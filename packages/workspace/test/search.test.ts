import { chmodSync, chownSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorOf, isRoot, makeWorkspace, NOBODY, ok, type TestWorkspace } from './fixtures/engine.ts';

describe.each([
  { who: 'as the server', runAs: undefined },
  ...(isRoot ? [{ who: 'as another user', runAs: NOBODY }] : []),
])('search $who', ({ runAs }) => {
  let workspace: TestWorkspace;
  beforeEach(() => {
    workspace = makeWorkspace(runAs === undefined ? {} : { runAs });
  });
  afterEach(() => workspace.close());

  const grep = async (request: Parameters<TestWorkspace['engine']['grepSearch']>[0]) =>
    ok(await workspace.engine.grepSearch(request));
  const found = async (request: Parameters<TestWorkspace['engine']['grepSearch']>[0]) =>
    (await grep(request)).matches.map((match) => `${match.path}:${match.line}:${match.column}`);
  const files = async (query: string, path?: string) =>
    ok(await workspace.engine.searchFiles({ query, ...(path === undefined ? {} : { path }) })).paths;

  describe('grepSearch', () => {
    it('finds by expression with line, column in characters and text', async () => {
      workspace.put('a.ts', 'const grüße = 1;\nlet foo = grüße;\r\n');
      workspace.put('sub/b.ts', 'foo\n');
      expect(await grep({ pattern: 'fo+' })).toEqual({
        success: true,
        filesMatched: 2,
        truncated: false,
        matches: [
          { path: 'a.ts', line: 2, column: 5, text: 'let foo = grüße;', before: [], after: [] },
          { path: 'sub/b.ts', line: 1, column: 1, text: 'foo', before: [], after: [] },
        ],
      });
      expect((await grep({ pattern: 'ße = ' })).matches[0]?.column).toBe(10);
    });

    it('takes patterns and globs as they are, never as options', async () => {
      workspace.put('a', '--pre=sh -x $(id)\n(a|b)*\n');
      expect(await found({ pattern: '--pre=sh', literal: true })).toEqual(['a:1:1']);
      expect(await found({ pattern: '(a|b)*', literal: true })).toEqual(['a:2:1']);
      expect(await found({ pattern: '-x', globs: ['--pre=evil'] })).toEqual([]);
    });

    it('minds case unless told otherwise', async () => {
      workspace.put('a', 'Foo\nfoo\n');
      expect(await found({ pattern: 'foo' })).toEqual(['a:2:1']);
      expect(await found({ pattern: 'foo', caseSensitive: false })).toEqual(['a:1:1', 'a:2:1']);
    });

    it('matches across lines when told to', async () => {
      workspace.put('a', 'x\nbegin\nmiddle\nend\ny\n');
      expect(await grep({ pattern: 'begin.*end', multiline: true, contextLines: 1 })).toMatchObject({
        matches: [{ line: 2, text: 'begin\nmiddle\nend', before: ['x'], after: ['y'] }],
      });
      expect(await found({ pattern: 'begin.*end' })).toEqual([]);
    });

    it('gives each match its own lines of context, other matches among them', async () => {
      workspace.put('a', '1\n2\nx3\nx4\n5\n6\n7\n8\nx9\n');
      const { matches } = await grep({ pattern: 'x', contextLines: 2 });
      expect(matches.map(({ line, before, after }) => ({ line, before, after }))).toEqual([
        { line: 3, before: ['1', '2'], after: ['x4', '5'] },
        { line: 4, before: ['2', 'x3'], after: ['5', '6'] },
        { line: 9, before: ['7', '8'], after: [] },
      ]);
    });

    it('chooses files by globs', async () => {
      for (const path of ['a.ts', 'a.js', 'sub/b.ts', 'sub/b.test.ts']) workspace.put(path, 'x\n');
      expect(await found({ pattern: 'x', globs: ['*.ts', '!*.test.ts'] })).toEqual([
        'a.ts:1:1',
        'sub/b.ts:1:1',
      ]);
      expect(await found({ pattern: 'x', globs: ['sub/**'] })).toEqual(['sub/b.test.ts:1:1', 'sub/b.ts:1:1']);
    });

    it('looks into one directory or one file', async () => {
      workspace.put('.gitignore', '*.log\n');
      workspace.put('.git/HEAD', '');
      workspace.put('a.ts', 'x\n');
      workspace.put('sub/b.ts', 'x\n');
      workspace.put('sub/c.log', 'x\n');
      expect(await found({ pattern: 'x', path: 'sub' })).toEqual(['sub/b.ts:1:1']);
      expect(await found({ pattern: 'x', path: 'sub/b.ts' })).toEqual(['sub/b.ts:1:1']);
      expect(await found({ pattern: 'x', path: join(workspace.root, 'sub/c.log') })).toEqual([
        'sub/c.log:1:1',
      ]);
      expect(errorOf(await workspace.engine.grepSearch({ pattern: 'x', path: 'no' })).code).toBe(
        'FILE_NOT_FOUND',
      );
      expect(errorOf(await workspace.engine.grepSearch({ pattern: 'x', path: '/etc' })).code).toBe(
        'PATH_OUTSIDE_WORKSPACE',
      );
    });

    it('leaves out what git ignores, .git, binary files and everything behind links', async () => {
      workspace.put('.gitignore', 'dist/\n');
      workspace.put('.ignore', 'src\n');
      workspace.put('../.gitignore', '*\n');
      for (const path of ['dist/a', '.git/config', 'src/a', '.github/a', 'sub/.git/x'])
        workspace.put(path, 'needle\n');
      workspace.put('bin', 'needle\0');
      workspace.put('../outside/a', 'needle\n');
      symlinkSync('../outside', join(workspace.root, 'out'));
      symlinkSync('../outside/a', join(workspace.root, 'out-file'));
      expect(await found({ pattern: 'needle' })).toEqual(['.github/a:1:1', 'src/a:1:1']);
      expect(await found({ pattern: 'needle', globs: ['.git/**', '**/config'] })).toEqual([]);
    });

    it('stops at the limit and says so', async () => {
      workspace.put('a', 'x\n'.repeat(50_000));
      const { matches, truncated } = await grep({ pattern: 'x', limit: 3 });
      expect(matches.map((match) => match.line)).toEqual([1, 2, 3]);
      expect(truncated).toBe(true);
      workspace.put('a', 'x\nx\nx\n');
      expect(await grep({ pattern: 'x', limit: 3 })).toMatchObject({ truncated: false });
    });

    it('cuts endless lines and reads bytes that are not UTF-8', async () => {
      workspace.put('a', `x${'y'.repeat(100_000)}\n`);
      workspace.put('b', Buffer.from('xé\n', 'latin1'));
      const { matches } = await grep({ pattern: 'x' });
      expect(matches[0]?.text).toHaveLength(2_001);
      expect(matches[1]?.text).toBe('xé');
    });

    it('explains a bad expression or glob in ripgrep’s words', async () => {
      workspace.put('a', 'x');
      const pattern = errorOf(await workspace.engine.grepSearch({ pattern: 'a(b' }));
      expect(pattern).toMatchObject({
        code: 'PATTERN_INVALID',
        message: expect.stringContaining('unclosed group'),
      });
      expect(errorOf(await workspace.engine.grepSearch({ pattern: 'a', globs: ['a[b'] })).code).toBe(
        'PATTERN_INVALID',
      );
      expect(errorOf(await workspace.engine.grepSearch({ pattern: '' })).code).toBe('VALIDATION_FAILED');
    });

    it('ends with the signal', async () => {
      const control = new AbortController();
      const pending = workspace.engine.grepSearch({ pattern: 'x' }, { signal: control.signal });
      control.abort();
      expect(errorOf(await pending).code).toBe('CANCELLED');
    });
  });

  describe('searchFiles', () => {
    beforeEach(() => {
      workspace.put('.gitignore', 'node_modules\n');
      for (const path of [
        'src/user/user-service.ts',
        'src/user/UserController.ts',
        'src/index.ts',
        'src/server/index.ts',
        'docs/user.md',
        'README.md',
        'node_modules/user/index.js',
        'test/unsorted-serial-viewer.ts',
        'odd\nname.txt',
      ]) {
        workspace.put(path, '');
      }
    });

    it('ranks whole names and beginnings of words first', async () => {
      expect((await files('user-service'))[0]).toBe('src/user/user-service.ts');
      expect((await files('usercontroller'))[0]).toBe('src/user/UserController.ts');
      expect((await files('UC'))[0]).toBe('src/user/UserController.ts');
      expect((await files('usrsvc'))[0]).toBe('src/user/user-service.ts');
      expect((await files('index'))[0]).toBe('src/index.ts');
      expect((await files('server index'))[0]).toBe('src/server/index.ts');
      expect((await files('user.md'))[0]).toBe('docs/user.md');
      expect(await files('odd')).toEqual(['odd\nname.txt']);
      expect(await files('zzzz')).toEqual([]);
      expect((await files('index')).some((path) => path.startsWith('node_modules'))).toBe(false);
    });

    it('takes a query with glob characters as a glob', async () => {
      expect(await files('*.md')).toEqual(['README.md', 'docs/user.md']);
      expect(await files('src/**/index.t?')).toEqual(['src/index.ts', 'src/server/index.ts']);
      expect(await files('*.ts', 'src/user')).toEqual([
        'src/user/UserController.ts',
        'src/user/user-service.ts',
      ]);
      expect(errorOf(await workspace.engine.searchFiles({ query: '[a' })).code).toBe('PATTERN_INVALID');
    });

    it('bounds its answer and wants a directory', async () => {
      expect(ok(await workspace.engine.searchFiles({ query: 's', limit: 2 }))).toMatchObject({
        paths: { length: 2 },
        truncated: true,
      });
      expect(errorOf(await workspace.engine.searchFiles({ query: 's', path: 'README.md' })).code).toBe(
        'NOT_A_DIRECTORY',
      );
    });
  });

  it.runIf(runAs !== undefined)(
    'runs as the workspace’s user: what that user may not read is not found',
    async () => {
      workspace.put('open', 'needle\n');
      chmodSync(workspace.put('closed', 'needle\n'), 0o600);
      mkdirSync(join(workspace.root, 'own'));
      chownSync(join(workspace.root, 'own'), NOBODY.uid, NOBODY.gid);
      chmodSync(join(workspace.root, 'own'), 0o700);
      workspace.put('own/f', 'needle\n');
      expect(await found({ pattern: 'needle' })).toEqual(['open:1:1', 'own/f:1:1']);
    },
  );
});
