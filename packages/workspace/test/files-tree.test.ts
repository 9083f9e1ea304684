import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ShadowError } from '@shadow/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesOf, errorOf, makeWorkspace, ok, type TestWorkspace } from './fixtures/engine.ts';

let workspace: TestWorkspace;
beforeEach(() => {
  workspace = makeWorkspace();
});
afterEach(() => workspace.close());

const listed = async (request: Parameters<TestWorkspace['engine']['listDirectory']>[0]) =>
  ok(await workspace.engine.listDirectory(request)).entries.map((entry) => entry.path);

describe('listDirectory', () => {
  it('lists one directory in order, with kinds and sizes, without .git', async () => {
    workspace.put('b.txt', 'four');
    workspace.put('a/x', '');
    workspace.put('.git/HEAD', '');
    symlinkSync('b.txt', join(workspace.root, 'c'));
    execFileSync('mkfifo', [join(workspace.root, 'd')]);
    expect(ok(await workspace.engine.listDirectory({}))).toMatchObject({
      path: '',
      entries: [
        { path: 'a', kind: 'directory', size: 0 },
        { path: 'b.txt', kind: 'file', size: 4 },
        { path: 'c', kind: 'symlink' },
        { path: 'd', kind: 'other' },
      ],
      truncated: false,
    });
  });

  it('honours the root’s, nested and private ignore files, and their exceptions', async () => {
    workspace.put('.gitignore', 'node_modules/\n*.log\n/only-root\n');
    workspace.put('.git/info/exclude', 'private\n');
    workspace.put('sub/.gitignore', '!keep.log\n/local\n');
    for (const path of [
      'node_modules/m/i.js',
      'a.log',
      'only-root',
      'private',
      'sub/keep.log',
      'sub/b.log',
      'sub/local',
      'sub/only-root',
      'sub/deep/local',
    ]) {
      workspace.put(path, '');
    }
    const expected = [
      '.gitignore',
      'sub',
      'sub/.gitignore',
      'sub/deep',
      'sub/deep/local',
      'sub/keep.log',
      'sub/only-root',
    ];
    expect(await listed({ recursive: true })).toEqual(expected);
    expect(await listed({ path: 'sub' })).toEqual(
      expected.slice(2).filter((path) => path !== 'sub/deep/local'),
    );
    expect(await listed({ recursive: true, includeIgnored: true })).toContain('node_modules/m/i.js');
  });

  it('bounds depth and number, and never goes through a link', async () => {
    workspace.put('a/b/c/d', '');
    symlinkSync('/etc', join(workspace.root, 'etc'));
    expect(await listed({ recursive: true, maxDepth: 2 })).toEqual(['a', 'a/b', 'etc']);
    expect(ok(await workspace.engine.listDirectory({ recursive: true, limit: 2 }))).toMatchObject({
      truncated: true,
    });
    expect(await listed({ recursive: true, limit: 5 })).toEqual(['a', 'a/b', 'a/b/c', 'a/b/c/d', 'etc']);
  });

  it('refuses what is no directory or not there', async () => {
    workspace.put('f', '');
    expect(errorOf(await workspace.engine.listDirectory({ path: 'f' })).code).toBe('NOT_A_DIRECTORY');
    expect(errorOf(await workspace.engine.listDirectory({ path: 'no' })).code).toBe('FILE_NOT_FOUND');
    expect(errorOf(await workspace.engine.listDirectory({ path: '..' })).code).toBe('PATH_OUTSIDE_WORKSPACE');
  });

  it('says that the workspace is lost when its directory is gone', async () => {
    execFileSync('rm', ['-r', workspace.root]);
    expect(errorOf(await workspace.engine.listDirectory({})).code).toBe('WORKSPACE_LOST');
  });
});

describe('statFile, deleteFile, moveFile, makeDirectory', () => {
  it('describes a file and a link itself', async () => {
    workspace.put('f', 'abc');
    symlinkSync('nowhere', join(workspace.root, 'l'));
    const file = ok(await workspace.engine.statFile({ path: './f' }));
    expect(file).toMatchObject({ path: 'f', kind: 'file', size: 3 });
    expect(Date.parse(file.modifiedAt)).toBeGreaterThan(0);
    expect(ok(await workspace.engine.statFile({ path: 'l' })).kind).toBe('symlink');
    expect(ok(await workspace.engine.statFile({ path: workspace.root })).kind).toBe('directory');
    expect(errorOf(await workspace.engine.statFile({ path: 'no' })).code).toBe('FILE_NOT_FOUND');
  });

  it('deletes files, empty directories, and full ones only recursively', async () => {
    workspace.put('d/e/f', '');
    writeFileSync(
      Buffer.concat([Buffer.from(`${workspace.root}/d/`), Buffer.from([0xff, 0xfe])]),
      'no UTF-8 name',
    );
    expect(errorOf(await workspace.engine.deleteFile({ path: 'd' })).code).toBe('ALREADY_EXISTS');
    ok(await workspace.engine.deleteFile({ path: 'd/e/f' }));
    ok(await workspace.engine.deleteFile({ path: 'd/e' }));
    ok(await workspace.engine.deleteFile({ path: 'd', recursive: true }));
    expect(existsSync(join(workspace.root, 'd'))).toBe(false);
    expect(errorOf(await workspace.engine.deleteFile({ path: 'd' })).code).toBe('FILE_NOT_FOUND');
  });

  it('deletes a link and not what it points to', async () => {
    workspace.put('keep/f', '');
    symlinkSync('keep', join(workspace.root, 'l'));
    symlinkSync(workspace.stateDir, join(workspace.root, 'keep/out'));
    ok(await workspace.engine.deleteFile({ path: 'l', recursive: true }));
    ok(await workspace.engine.deleteFile({ path: 'keep', recursive: true }));
    expect(existsSync(workspace.stateDir)).toBe(true);
  });

  it('refuses to delete the root and .git', async () => {
    workspace.put('.git/HEAD', '');
    for (const path of ['.', '.git', '.git/HEAD', workspace.root]) {
      expect(errorOf(await workspace.engine.deleteFile({ path, recursive: true })).code).toBe(
        'PERMISSION_DENIED',
      );
    }
  });

  it('moves files and directories, making parents, and replaces only when told to', async () => {
    workspace.put('a', '1');
    workspace.put('b', '2');
    workspace.put('d/x', '');
    expect(ok(await workspace.engine.moveFile({ from: 'a', to: 'n/m/a' }))).toMatchObject({
      from: 'a',
      to: 'n/m/a',
    });
    expect(errorOf(await workspace.engine.moveFile({ from: 'b', to: 'n/m/a' })).code).toBe('ALREADY_EXISTS');
    expect(errorOf(await workspace.engine.moveFile({ from: 'd', to: 'b' })).code).toBe('ALREADY_EXISTS');
    ok(await workspace.engine.moveFile({ from: 'b', to: 'n/m/a', overwrite: true }));
    expect(readFileSync(join(workspace.root, 'n/m/a'), 'utf8')).toBe('2');
    ok(await workspace.engine.moveFile({ from: 'd', to: 'e' }));
    expect(errorOf(await workspace.engine.moveFile({ from: 'e', to: 'e/f' })).code).toBe('PATH_INVALID');
    expect(errorOf(await workspace.engine.moveFile({ from: 'gone', to: 'f' })).code).toBe('FILE_NOT_FOUND');
    expect(errorOf(await workspace.engine.moveFile({ from: '.', to: 'f' })).code).toBe('PERMISSION_DENIED');
    expect(errorOf(await workspace.engine.moveFile({ from: 'e/x', to: '.git/hooks/pre-commit' })).code).toBe(
      'PERMISSION_DENIED',
    );
    expect(errorOf(await workspace.engine.moveFile({ from: 'e/x', to: '../x' })).code).toBe(
      'PATH_OUTSIDE_WORKSPACE',
    );
  });

  it('makes directories once', async () => {
    expect(ok(await workspace.engine.makeDirectory({ path: 'a/b/c' }))).toMatchObject({
      path: 'a/b/c',
      created: true,
    });
    expect(ok(await workspace.engine.makeDirectory({ path: 'a/b/c' })).created).toBe(false);
    expect(ok(await workspace.engine.makeDirectory({ path: '.' })).created).toBe(false);
    workspace.put('f', '');
    expect(errorOf(await workspace.engine.makeDirectory({ path: 'f' })).code).toBe('ALREADY_EXISTS');
    expect(errorOf(await workspace.engine.makeDirectory({ path: 'f/g' })).code).toBe('NOT_A_DIRECTORY');
  });
});

describe('uploadFile and downloadFile', () => {
  const download = async (request: Parameters<TestWorkspace['engine']['downloadFile']>[0]) => {
    const parts: Uint8Array[] = [];
    const result = ok(await workspace.engine.downloadFile(request));
    for await (const part of result.content) parts.push(part);
    return { size: result.size, bytes: Buffer.concat(parts) };
  };

  it('carries any bytes there and back, whole and in ranges', async () => {
    const bytes = Buffer.from(Array.from({ length: 700_000 }, (_, index) => index % 251));
    const up = await workspace.engine.uploadFile(
      { path: 'd/b.bin' },
      bytesOf(bytes.subarray(0, 300_000), bytes.subarray(300_000)),
    );
    expect(ok(up)).toMatchObject({ path: 'd/b.bin', size: 700_000, created: true });
    expect((await download({ path: 'd/b.bin' })).bytes.equals(bytes)).toBe(true);
    const part = await download({ path: 'd/b.bin', offset: 299_999, length: 3 });
    expect(part).toEqual({ size: 700_000, bytes: bytes.subarray(299_999, 300_002) });
    expect((await download({ path: 'd/b.bin', offset: 800_000 })).bytes).toHaveLength(0);
  });

  it('replaces only when told to, and keeps the old file when the stream breaks', async () => {
    workspace.put('f', 'old');
    workspace.put('d/x', '');
    expect(errorOf(await workspace.engine.uploadFile({ path: 'f' }, bytesOf('new'))).code).toBe(
      'ALREADY_EXISTS',
    );
    expect(
      errorOf(await workspace.engine.uploadFile({ path: 'd', overwrite: true }, bytesOf('new'))).code,
    ).toBe('NOT_A_FILE');
    async function* broken() {
      yield Buffer.from('ne');
      throw new ShadowError('STREAM_INTERRUPTED', 'cut');
    }
    expect(errorOf(await workspace.engine.uploadFile({ path: 'f', overwrite: true }, broken())).code).toBe(
      'STREAM_INTERRUPTED',
    );
    expect(await listed({})).toEqual(['d', 'f']);
    expect(readFileSync(join(workspace.root, 'f'), 'utf8')).toBe('old');
    expect(
      ok(await workspace.engine.uploadFile({ path: 'f', overwrite: true }, bytesOf('new'))).created,
    ).toBe(false);
  });

  it('ends with the signal', async () => {
    workspace.put('f', 'x'.repeat(1_000_000));
    const control = new AbortController();
    async function* endless() {
      yield Buffer.from('a');
      control.abort();
      yield Buffer.from('b');
    }
    expect(
      errorOf(await workspace.engine.uploadFile({ path: 'g' }, endless(), { signal: control.signal })).code,
    ).toBe('CANCELLED');
    expect(existsSync(join(workspace.root, 'g'))).toBe(false);
    const reading = new AbortController();
    const result = ok(await workspace.engine.downloadFile({ path: 'f' }, { signal: reading.signal }));
    const read = async () => {
      for await (const part of result.content) if (part.length > 0) reading.abort();
    };
    await expect(read()).rejects.toMatchObject({ code: 'CANCELLED' });
    const unread = new AbortController();
    ok(await workspace.engine.downloadFile({ path: 'f' }, { signal: unread.signal }));
    unread.abort();
  });

  it('says so when the file shrinks under the reader', async () => {
    workspace.put('f', 'x'.repeat(1_000_000));
    const result = ok(await workspace.engine.downloadFile({ path: 'f' }));
    const read = async () => {
      for await (const part of result.content) if (part.length > 0) workspace.put('f', '');
    };
    await expect(read()).rejects.toMatchObject({ code: 'FILE_CHANGED' });
  });

  it('refuses what is no file', async () => {
    mkdirSync(join(workspace.root, 'd'));
    expect(errorOf(await workspace.engine.downloadFile({ path: 'd' })).code).toBe('NOT_A_FILE');
    expect(errorOf(await workspace.engine.downloadFile({ path: 'no' })).code).toBe('FILE_NOT_FOUND');
  });
});
