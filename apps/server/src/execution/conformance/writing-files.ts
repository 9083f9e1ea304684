import { unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import { bytesOf, exists, expectFailure, textOf } from './expectations.ts';
import type { SharedSubject } from './shared-subject.ts';

/** `writeFile`: what is kept of the present file, and writes on condition. */
export function writingFiles(shared: SharedSubject): void {
  contents(shared);
  whatIsKept(shared);
  conditions(shared);
  refusals(shared);
}

function contents(shared: SharedSubject): void {
  it('creates a file and its missing directories', async () => {
    const path = `${shared.freshName()}/b/c/new.txt`;
    const written = unwrap(await shared.executor.writeFile({ path, content: 'one\ntwo\n' }));
    expect(written).toMatchObject({ path, created: true, size: 8, additions: 2, deletions: 0 });
    expect(await textOf(shared, path)).toBe('one\ntwo\n');
  });

  it('replaces a file whole and counts the lines that changed', async () => {
    const at = await shared.place({ f: 'one\ntwo\nthree\n' });
    const written = unwrap(await shared.executor.writeFile({ path: `${at}/f`, content: 'one\n2\n' }));
    expect(written).toMatchObject({ created: false, size: 6, additions: 1, deletions: 2 });
    expect(await textOf(shared, `${at}/f`)).toBe('one\n2\n');
  });

  it('writes an empty file', async () => {
    const at = await shared.place({ f: 'text\n' });
    const written = unwrap(await shared.executor.writeFile({ path: `${at}/f`, content: '' }));
    expect(written).toMatchObject({ created: false, size: 0, deletions: 1 });
    expect(await textOf(shared, `${at}/f`)).toBe('');
  });

  it('writes any Unicode text so that it reads back the same', async () => {
    const at = await shared.place();
    const content = 'Ωmega 漢字 👩‍💻 e\u0301 \u{10ffff} \u200b end\n';
    unwrap(await shared.executor.writeFile({ path: `${at}/f`, content }));
    expect(unwrap(await shared.executor.readFile({ path: `${at}/f` })).content).toBe(content);
  });

  it('writes megabytes', async () => {
    const at = await shared.place();
    const content = 'a line of text\n'.repeat(200_000);
    const written = unwrap(await shared.executor.writeFile({ path: `${at}/f`, content }));
    expect(written.size).toBe(3_000_000);
    expect((await textOf(shared, `${at}/f`)) === content).toBe(true);
  });

  it('writes names of any script', async () => {
    const at = await shared.place();
    const path = `${at}/目录/файл 👍.txt`;
    unwrap(await shared.executor.writeFile({ path, content: 'x' }));
    expect(await textOf(shared, path)).toBe('x');
  });

  it('leaves no temporary file behind', async () => {
    const at = await shared.place({ f: 'old' });
    unwrap(await shared.executor.writeFile({ path: `${at}/f`, content: 'new' }));
    const listed = unwrap(await shared.executor.listDirectory({ path: at, includeIgnored: true }));
    expect(listed.entries.map((entry) => entry.path)).toEqual([`${at}/f`]);
  });
}

function whatIsKept(shared: SharedSubject): void {
  it('keeps the mode of the present file', async () => {
    const at = await shared.place();
    await shared.seed.file(`${at}/run.sh`, 'old', 0o755);
    unwrap(await shared.executor.writeFile({ path: `${at}/run.sh`, content: 'new' }));
    expect(unwrap(await shared.executor.statFile({ path: `${at}/run.sh` })).mode & 0o777).toBe(0o755);
  });

  it('keeps CRLF line ends when the content has LF alone', async () => {
    const at = await shared.place({ f: 'a\r\nb\r\n' });
    unwrap(await shared.executor.writeFile({ path: `${at}/f`, content: 'a\nc\n' }));
    expect(await textOf(shared, `${at}/f`)).toBe('a\r\nc\r\n');
  });

  it('takes content that has CRLF of its own as it is', async () => {
    const at = await shared.place({ f: 'a\nb\n' });
    unwrap(await shared.executor.writeFile({ path: `${at}/f`, content: 'a\r\nc\r\n' }));
    expect(await textOf(shared, `${at}/f`)).toBe('a\r\nc\r\n');
  });

  it('keeps a UTF-8 byte order mark', async () => {
    const at = await shared.place({ f: '\ufeffold' });
    unwrap(await shared.executor.writeFile({ path: `${at}/f`, content: 'new' }));
    expect(await bytesOf(shared, `${at}/f`)).toEqual(Buffer.from('\ufeffnew'));
  });

  it('keeps UTF-16', async () => {
    const at = await shared.place({ f: Buffer.from('\ufeffold', 'utf16le') });
    unwrap(await shared.executor.writeFile({ path: `${at}/f`, content: 'new ✓' }));
    expect(await bytesOf(shared, `${at}/f`)).toEqual(Buffer.from('\ufeffnew ✓', 'utf16le'));
  });

  it('keeps Latin-1 as long as the text fits in it', async () => {
    const at = await shared.place({ f: Buffer.from('caf\u00e9', 'latin1') });
    unwrap(await shared.executor.writeFile({ path: `${at}/f`, content: 'th\u00e9' }));
    expect(await bytesOf(shared, `${at}/f`)).toEqual(Buffer.from('th\u00e9', 'latin1'));
  });

  it('turns Latin-1 into UTF-8 when the text does not fit in it', async () => {
    const at = await shared.place({ f: Buffer.from('caf\u00e9', 'latin1') });
    unwrap(await shared.executor.writeFile({ path: `${at}/f`, content: 'é→' }));
    expect(await textOf(shared, `${at}/f`)).toBe('é→');
  });

  it('writes through a symbolic link to the file it names and keeps the link', async () => {
    const at = await shared.place({ f: 'old' });
    await shared.seed.link(`${at}/link`, 'f');
    unwrap(await shared.executor.writeFile({ path: `${at}/link`, content: 'new' }));
    expect(await textOf(shared, `${at}/f`)).toBe('new');
    expect(unwrap(await shared.executor.statFile({ path: `${at}/link` })).kind).toBe('symlink');
  });
}

function conditions(shared: SharedSubject): void {
  it('writes when the file has the expected hash', async () => {
    const at = await shared.place({ f: 'old' });
    const { hash } = unwrap(await shared.executor.readFile({ path: `${at}/f` }));
    const request = { path: `${at}/f`, content: 'new', expectedHash: hash };
    unwrap(await shared.executor.writeFile(request));
    expect(await textOf(shared, `${at}/f`)).toBe('new');
  });

  it('refuses when the file has changed since it was read: FILE_CHANGED', async () => {
    const at = await shared.place({ f: 'old' });
    const { hash } = unwrap(await shared.executor.readFile({ path: `${at}/f` }));
    await shared.seed.file(`${at}/f`, 'theirs');
    const request = { path: `${at}/f`, content: 'mine', expectedHash: hash };
    expectFailure(await shared.executor.writeFile(request), 'FILE_CHANGED');
    expect(await textOf(shared, `${at}/f`)).toBe('theirs');
  });

  it('refuses when the expected file is gone: FILE_CHANGED', async () => {
    const at = await shared.place();
    const request = { path: `${at}/f`, content: 'x', expectedHash: 'a'.repeat(64) };
    expectFailure(await shared.executor.writeFile(request), 'FILE_CHANGED');
    expect(await exists(shared, `${at}/f`)).toBe(false);
  });

  it('creates with an empty expected hash, which says that there is no file', async () => {
    const at = await shared.place();
    const written = await shared.executor.writeFile({ path: `${at}/f`, content: 'x', expectedHash: '' });
    expect(unwrap(written).created).toBe(true);
  });

  it('refuses an empty expected hash when there is a file: FILE_CHANGED', async () => {
    const at = await shared.place({ f: 'theirs' });
    const request = { path: `${at}/f`, content: 'mine', expectedHash: '' };
    expectFailure(await shared.executor.writeFile(request), 'FILE_CHANGED');
    expect(await textOf(shared, `${at}/f`)).toBe('theirs');
  });
}

function refusals(shared: SharedSubject): void {
  it('refuses to write in place of a directory: NOT_A_FILE', async () => {
    const at = await shared.place();
    expectFailure(await shared.executor.writeFile({ path: at, content: 'x' }), 'NOT_A_FILE');
  });

  it('refuses the root: NOT_A_FILE', async () => {
    expectFailure(await shared.executor.writeFile({ path: '.', content: 'x' }), 'NOT_A_FILE');
  });

  it('refuses a path that goes through a file: NOT_A_DIRECTORY', async () => {
    const at = await shared.place({ f: 'x' });
    expectFailure(await shared.executor.writeFile({ path: `${at}/f/x`, content: 'x' }), 'NOT_A_DIRECTORY');
  });
}
