import { unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import { exists, expectFailure, textOf } from './expectations.ts';
import type { SharedSubject } from './shared-subject.ts';

/** `listDirectory`, `statFile`, `moveFile`, `makeDirectory`, `deleteFile`. */
export function workingOnTrees(shared: SharedSubject): void {
  listing(shared);
  ignoring(shared);
  stating(shared);
  moving(shared);
  movingRefused(shared);
  makingDirectories(shared);
  deleting(shared);
}

async function namesIn(
  shared: SharedSubject,
  request: Parameters<SharedSubject['executor']['listDirectory']>[0],
) {
  const { entries } = unwrap(await shared.executor.listDirectory(request));
  return entries.map(({ path }) => path.slice((request.path ?? '').length + 1));
}

function listing(shared: SharedSubject): void {
  it('lists a directory in order of names, with kinds and sizes', async () => {
    const at = await shared.place({ 'b.txt': 'four', 'a/x': '', Z: '' });
    expect(unwrap(await shared.executor.listDirectory({ path: at }))).toEqual({
      success: true,
      path: at,
      truncated: false,
      entries: [
        { path: `${at}/Z`, kind: 'file', size: 0 },
        { path: `${at}/a`, kind: 'directory', size: 0 },
        { path: `${at}/b.txt`, kind: 'file', size: 4 },
      ],
    });
  });

  it('lists everything below, a directory before what is in it', async () => {
    const at = await shared.place({ 'a/b/c': '', 'a/d': '', e: '' });
    expect(await namesIn(shared, { path: at, recursive: true })).toEqual(['a', 'a/b', 'a/b/c', 'a/d', 'e']);
  });

  it('goes as deep as it is told', async () => {
    const at = await shared.place({ 'a/b/c': '' });
    expect(await namesIn(shared, { path: at, recursive: true, maxDepth: 2 })).toEqual(['a', 'a/b']);
    expect(await namesIn(shared, { path: at, recursive: true, maxDepth: 1 })).toEqual(['a']);
  });

  it('lists an empty directory as empty', async () => {
    const at = await shared.place();
    expect(await namesIn(shared, { path: at })).toEqual([]);
  });

  it('lists the root when no path is given', async () => {
    const at = await shared.place();
    const { path, entries } = unwrap(await shared.executor.listDirectory({}));
    expect(path).toBe('');
    expect(entries).toContainEqual({ path: at, kind: 'directory', size: 0 });
  });

  it('stops at the limit and says so', async () => {
    const at = await shared.place({ a: '', b: '', c: '' });
    const listed = unwrap(await shared.executor.listDirectory({ path: at, limit: 2 }));
    expect(listed).toMatchObject({ truncated: true, entries: [{ path: `${at}/a` }, { path: `${at}/b` }] });
    expect(unwrap(await shared.executor.listDirectory({ path: at, limit: 3 })).truncated).toBe(false);
  });

  it('shows symbolic links as links and does not go through them', async () => {
    const at = await shared.place({ 'real/x': '' });
    await shared.seed.link(`${at}/link`, 'real');
    const { entries } = unwrap(await shared.executor.listDirectory({ path: at, recursive: true }));
    expect(entries.map(({ path, kind }) => [path, kind])).toEqual([
      [`${at}/link`, 'symlink'],
      [`${at}/real`, 'directory'],
      [`${at}/real/x`, 'file'],
    ]);
  });

  it('lists through a link when that is what is asked for', async () => {
    const at = await shared.place({ 'real/x': '' });
    await shared.seed.link(`${at}/link`, 'real');
    const listed = unwrap(await shared.executor.listDirectory({ path: `${at}/link` }));
    expect(listed.entries.map(({ path }) => path)).toEqual([`${at}/real/x`]);
  });

  it('lists a thousand entries', async () => {
    const files = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`f${index}`, '']));
    const at = await shared.place(files);
    expect(await namesIn(shared, { path: at })).toEqual(Object.keys(files).sort());
  });

  it('refuses to list what does not exist: FILE_NOT_FOUND', async () => {
    expectFailure(await shared.executor.listDirectory({ path: shared.freshName() }), 'FILE_NOT_FOUND');
  });

  it('refuses to list a file: NOT_A_DIRECTORY', async () => {
    const at = await shared.place({ f: '' });
    expectFailure(await shared.executor.listDirectory({ path: `${at}/f` }), 'NOT_A_DIRECTORY');
  });
}

function ignoring(shared: SharedSubject): void {
  it('leaves out what .gitignore names, with all that is below', async () => {
    const at = await shared.place({
      '.gitignore': 'node_modules/\n*.log\n',
      'node_modules/x/y': '',
      'a.log': '',
      b: '',
    });
    expect(await namesIn(shared, { path: at, recursive: true })).toEqual(['.gitignore', 'b']);
  });

  it('lets a .gitignore further down take something back', async () => {
    const at = await shared.place({
      '.gitignore': '*.log\n',
      'sub/.gitignore': '!keep.log\n',
      'sub/keep.log': '',
      'sub/x.log': '',
    });
    expect(await namesIn(shared, { path: `${at}/sub` })).toEqual(['.gitignore', 'keep.log']);
  });

  it('applies the rules of the directories above the one that is listed', async () => {
    const at = await shared.place({ '.gitignore': '/sub/out\n', 'sub/out': '', 'sub/in': '', out: '' });
    expect(await namesIn(shared, { path: `${at}/sub` })).toEqual(['in']);
    expect(await namesIn(shared, { path: at })).toEqual(['.gitignore', 'out', 'sub']);
  });

  it('lists ignored entries when asked for them', async () => {
    const at = await shared.place({ '.gitignore': '*.log\n', 'a.log': '' });
    expect(await namesIn(shared, { path: at, includeIgnored: true })).toEqual(['.gitignore', 'a.log']);
  });
}

function stating(shared: SharedSubject): void {
  it('tells kind, size, mode and time of a file', async () => {
    const at = await shared.place();
    await shared.seed.file(`${at}/f`, 'four', 0o640);
    const stat = unwrap(await shared.executor.statFile({ path: `${at}/f` }));
    expect(stat).toMatchObject({ path: `${at}/f`, kind: 'file', size: 4, mode: 0o640 });
    expect(Math.abs(Date.parse(stat.modifiedAt) - Date.now())).toBeLessThan(3_600_000);
  });

  it('tells that something is a directory', async () => {
    const at = await shared.place();
    expect(unwrap(await shared.executor.statFile({ path: at })).kind).toBe('directory');
    expect(unwrap(await shared.executor.statFile({ path: '.' })).kind).toBe('directory');
  });

  it('tells of a symbolic link itself, dangling ones included', async () => {
    const at = await shared.place();
    await shared.seed.link(`${at}/dangling`, 'nowhere');
    await shared.seed.link(`${at}/leaving`, '/etc/passwd');
    expect(unwrap(await shared.executor.statFile({ path: `${at}/dangling` })).kind).toBe('symlink');
    expect(unwrap(await shared.executor.statFile({ path: `${at}/leaving` })).kind).toBe('symlink');
  });

  it('refuses to stat what does not exist: FILE_NOT_FOUND', async () => {
    const at = await shared.place();
    expectFailure(await shared.executor.statFile({ path: `${at}/none` }), 'FILE_NOT_FOUND');
  });
}

function moving(shared: SharedSubject): void {
  it('moves a file and makes missing directories on the way', async () => {
    const at = await shared.place({ a: 'content' });
    const moved = await shared.executor.moveFile({ from: `${at}/a`, to: `${at}/x/y/b` });
    expect(unwrap(moved)).toMatchObject({ from: `${at}/a`, to: `${at}/x/y/b` });
    expect(await textOf(shared, `${at}/x/y/b`)).toBe('content');
    expect(await exists(shared, `${at}/a`)).toBe(false);
  });

  it('moves a directory with all that is in it', async () => {
    const at = await shared.place({ 'a/b/c': 'deep' });
    unwrap(await shared.executor.moveFile({ from: `${at}/a`, to: `${at}/z` }));
    expect(await textOf(shared, `${at}/z/b/c`)).toBe('deep');
    expect(await exists(shared, `${at}/a`)).toBe(false);
  });

  it('replaces a file with overwrite', async () => {
    const at = await shared.place({ a: 'new', b: 'old' });
    unwrap(await shared.executor.moveFile({ from: `${at}/a`, to: `${at}/b`, overwrite: true }));
    expect(await textOf(shared, `${at}/b`)).toBe('new');
  });

  it('moves a symbolic link and not what it names', async () => {
    const at = await shared.place({ f: 'x' });
    await shared.seed.link(`${at}/link`, 'f');
    unwrap(await shared.executor.moveFile({ from: `${at}/link`, to: `${at}/other` }));
    expect(unwrap(await shared.executor.statFile({ path: `${at}/other` })).kind).toBe('symlink');
    expect(await textOf(shared, `${at}/f`)).toBe('x');
  });

  it('keeps the mode of what it moves', async () => {
    const at = await shared.place();
    await shared.seed.file(`${at}/a`, 'x', 0o755);
    unwrap(await shared.executor.moveFile({ from: `${at}/a`, to: `${at}/b` }));
    expect(unwrap(await shared.executor.statFile({ path: `${at}/b` })).mode).toBe(0o755);
  });
}

function movingRefused(shared: SharedSubject): void {
  it.each([
    ['a taken name without overwrite', 'file', 'other', false, 'ALREADY_EXISTS'],
    ['a directory onto a taken name without overwrite', 'dir', 'full', false, 'ALREADY_EXISTS'],
    ['a directory onto one that is not empty', 'dir', 'full', true, 'ALREADY_EXISTS'],
    ['a file onto a directory', 'file', 'full', true, 'NOT_A_FILE'],
    ['a directory onto a file', 'dir', 'file', true, 'NOT_A_DIRECTORY'],
    ['a directory into itself', 'dir', 'dir/inside', false, 'PATH_INVALID'],
    ['what does not exist', 'none', 'new', false, 'FILE_NOT_FOUND'],
    ['to a path that goes through a file', 'other', 'file/new', false, 'NOT_A_DIRECTORY'],
  ] as const)('refuses to move %s', async (_what, from, to, overwrite, code) => {
    const at = await shared.place({ file: 'f', other: 'o', 'dir/x': 'd', 'full/x': 'd' });
    const result = await shared.executor.moveFile({ from: `${at}/${from}`, to: `${at}/${to}`, overwrite });
    expectFailure(result, code);
    expect(await textOf(shared, `${at}/file`)).toBe('f');
    expect(await exists(shared, `${at}/dir/x`)).toBe(true);
  });

  it('refuses to move the root: PERMISSION_DENIED', async () => {
    expectFailure(await shared.executor.moveFile({ from: '.', to: shared.freshName() }), 'PERMISSION_DENIED');
  });
}

function makingDirectories(shared: SharedSubject): void {
  it('makes a directory and its parents', async () => {
    const path = `${shared.freshName()}/b/c`;
    expect(unwrap(await shared.executor.makeDirectory({ path }))).toMatchObject({ path, created: true });
    expect(unwrap(await shared.executor.statFile({ path })).kind).toBe('directory');
  });

  it('takes a directory that is there as a success', async () => {
    const at = await shared.place();
    expect(unwrap(await shared.executor.makeDirectory({ path: at })).created).toBe(false);
    expect(unwrap(await shared.executor.makeDirectory({ path: '.' })).created).toBe(false);
  });

  it('refuses a directory where a file is: ALREADY_EXISTS', async () => {
    const at = await shared.place({ f: '' });
    expectFailure(await shared.executor.makeDirectory({ path: `${at}/f` }), 'ALREADY_EXISTS');
  });

  it('refuses a directory below a file: NOT_A_DIRECTORY', async () => {
    const at = await shared.place({ f: '' });
    expectFailure(await shared.executor.makeDirectory({ path: `${at}/f/d` }), 'NOT_A_DIRECTORY');
  });
}

function deleting(shared: SharedSubject): void {
  it('deletes a file', async () => {
    const at = await shared.place({ f: '' });
    expect(unwrap(await shared.executor.deleteFile({ path: `${at}/f` })).path).toBe(`${at}/f`);
    expect(await exists(shared, `${at}/f`)).toBe(false);
  });

  it('deletes an empty directory', async () => {
    const at = await shared.place();
    unwrap(await shared.executor.deleteFile({ path: at }));
    expect(await exists(shared, at)).toBe(false);
  });

  it('refuses a directory that is not empty unless told to go on: ALREADY_EXISTS', async () => {
    const at = await shared.place({ 'a/b': '' });
    expectFailure(await shared.executor.deleteFile({ path: `${at}/a` }), 'ALREADY_EXISTS');
    expect(await exists(shared, `${at}/a/b`)).toBe(true);
    unwrap(await shared.executor.deleteFile({ path: `${at}/a`, recursive: true }));
    expect(await exists(shared, `${at}/a`)).toBe(false);
  });

  it('deletes a symbolic link and never what it names', async () => {
    const at = await shared.place({ 'd/x': 'kept' });
    await shared.seed.link(`${at}/link`, 'd');
    unwrap(await shared.executor.deleteFile({ path: `${at}/link`, recursive: true }));
    expect(await exists(shared, `${at}/link`)).toBe(false);
    expect(await textOf(shared, `${at}/d/x`)).toBe('kept');
  });

  it('never follows links while it deletes a tree', async () => {
    const at = await shared.place({ 'd/x': 'kept' });
    await shared.seed.link(`${at}/tree/link`, '../d');
    unwrap(await shared.executor.deleteFile({ path: `${at}/tree`, recursive: true }));
    expect(await textOf(shared, `${at}/d/x`)).toBe('kept');
  });

  it('refuses what does not exist: FILE_NOT_FOUND', async () => {
    const at = await shared.place();
    expectFailure(await shared.executor.deleteFile({ path: `${at}/none` }), 'FILE_NOT_FOUND');
  });

  it('refuses the root: PERMISSION_DENIED', async () => {
    expectFailure(await shared.executor.deleteFile({ path: '.', recursive: true }), 'PERMISSION_DENIED');
  });
}
