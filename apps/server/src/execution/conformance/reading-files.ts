import { createHash } from 'node:crypto';
import { unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import { expectFailure } from './expectations.ts';
import type { SharedSubject } from './shared-subject.ts';

const MAX_TEXT_BYTES = 50 * 1024 * 1024;

/** `readFile`: text and its encodings, ranges, bounds, and what is no text. */
export function readingFiles(shared: SharedSubject): void {
  wholeFiles(shared);
  ranges(shared);
  encodings(shared);
  bounds(shared);
  refusals(shared);
}

function wholeFiles(shared: SharedSubject): void {
  it('reads a whole file with its size, its lines and the hash of its bytes', async () => {
    const at = await shared.place({ 'a.txt': 'one\ntwo\n' });
    expect(unwrap(await shared.executor.readFile({ path: `${at}/a.txt` }))).toMatchObject({
      path: `${at}/a.txt`,
      content: 'one\ntwo\n',
      encoding: 'utf8',
      size: 8,
      totalLines: 2,
      startLine: 1,
      endLine: 2,
      truncated: false,
      hash: createHash('sha256').update('one\ntwo\n').digest('hex'),
    });
  });

  it('reads an empty file as no lines', async () => {
    const at = await shared.place({ empty: '' });
    const read = unwrap(await shared.executor.readFile({ path: `${at}/empty` }));
    expect(read).toMatchObject({ content: '', size: 0, totalLines: 0, truncated: false });
  });

  it('counts a last line without a line end', async () => {
    const at = await shared.place({ 'a.txt': 'one\ntwo' });
    const read = unwrap(await shared.executor.readFile({ path: `${at}/a.txt` }));
    expect(read).toMatchObject({ content: 'one\ntwo', totalLines: 2, endLine: 2 });
  });

  it('gives the same hash for the same bytes and another one for others', async () => {
    const at = await shared.place({ a: 'same', b: 'same', c: 'other' });
    const hash = async (name: string) =>
      unwrap(await shared.executor.readFile({ path: `${at}/${name}` })).hash;
    expect(await hash('a')).toBe(await hash('b'));
    expect(await hash('a')).not.toBe(await hash('c'));
  });

  it.each([
    ['Chinese', '文件.txt'],
    ['an emoji', '👩‍💻.md'],
    ['a composed accent', 'caf\u00e9.txt'],
    ['a decomposed accent', 'cafe\u0301.txt'],
    ['right-to-left script', 'שלום.txt'],
    ['spaces and quotes', `it's "a" file.txt`],
    ['a leading dash', '-rf'],
    ['a line end', 'two\nlines'],
    ['shell characters', '$(touch x);`y`&|<>*?.txt'],
    ['a backslash', 'back\\slash'],
  ])('reads a file whose name has %s', async (_what, name) => {
    const at = await shared.place({ [name]: `content of ${name}` });
    const read = unwrap(await shared.executor.readFile({ path: `${at}/${name}` }));
    expect(read).toMatchObject({ path: `${at}/${name}`, content: `content of ${name}` });
  });

  it('keeps composed and decomposed spellings of a name apart', async () => {
    const at = await shared.place({ '\u00e9': 'composed', 'e\u0301': 'decomposed' });
    expect(unwrap(await shared.executor.readFile({ path: `${at}/\u00e9` })).content).toBe('composed');
    expect(unwrap(await shared.executor.readFile({ path: `${at}/e\u0301` })).content).toBe('decomposed');
  });
}

function ranges(shared: SharedSubject): void {
  const five = 'l1\nl2\nl3\nl4\nl5\n';

  it('reads a range of lines and says how many there are', async () => {
    const at = await shared.place({ f: five });
    const read = unwrap(await shared.executor.readFile({ path: `${at}/f`, startLine: 2, endLine: 3 }));
    expect(read).toMatchObject({
      content: 'l2\nl3\n',
      startLine: 2,
      endLine: 3,
      totalLines: 5,
      truncated: false,
    });
  });

  it('reads from a line to the end', async () => {
    const at = await shared.place({ f: five });
    const read = unwrap(await shared.executor.readFile({ path: `${at}/f`, startLine: 4 }));
    expect(read).toMatchObject({ content: 'l4\nl5\n', startLine: 4, endLine: 5 });
  });

  it('ends a range that goes beyond the last line at the last line', async () => {
    const at = await shared.place({ f: five });
    const read = unwrap(await shared.executor.readFile({ path: `${at}/f`, startLine: 5, endLine: 99 }));
    expect(read).toMatchObject({ content: 'l5\n', startLine: 5, endLine: 5 });
  });

  it('refuses a range that begins after the last line: VALIDATION_FAILED', async () => {
    const at = await shared.place({ f: five });
    expectFailure(await shared.executor.readFile({ path: `${at}/f`, startLine: 6 }), 'VALIDATION_FAILED');
  });

  it('refuses a range that ends before it begins: VALIDATION_FAILED', async () => {
    const at = await shared.place({ f: five });
    const result = await shared.executor.readFile({ path: `${at}/f`, startLine: 3, endLine: 2 });
    expectFailure(result, 'VALIDATION_FAILED');
  });

  it('refuses line 0: VALIDATION_FAILED', async () => {
    const at = await shared.place({ f: five });
    expectFailure(await shared.executor.readFile({ path: `${at}/f`, startLine: 0 }), 'VALIDATION_FAILED');
  });
}

function encodings(shared: SharedSubject): void {
  it('reads CRLF line ends as they are', async () => {
    const at = await shared.place({ f: 'a\r\nb\r\n' });
    const read = unwrap(await shared.executor.readFile({ path: `${at}/f` }));
    expect(read).toMatchObject({ content: 'a\r\nb\r\n', totalLines: 2 });
  });

  it('leaves a UTF-8 byte order mark out of the content but counts its bytes', async () => {
    const at = await shared.place({ f: Buffer.from('\ufefftext') });
    const read = unwrap(await shared.executor.readFile({ path: `${at}/f` }));
    expect(read).toMatchObject({ content: 'text', encoding: 'utf8', size: 7 });
  });

  it('reads UTF-16 little endian by its mark', async () => {
    const at = await shared.place({ f: Buffer.from('\ufeffzwölf ✓\n', 'utf16le') });
    const read = unwrap(await shared.executor.readFile({ path: `${at}/f` }));
    expect(read).toMatchObject({ content: 'zwölf ✓\n', encoding: 'utf16le' });
  });

  it('reads UTF-16 big endian by its mark', async () => {
    const at = await shared.place({ f: Buffer.from('\ufeffzwölf ✓\n', 'utf16le').swap16() });
    const read = unwrap(await shared.executor.readFile({ path: `${at}/f` }));
    expect(read).toMatchObject({ content: 'zwölf ✓\n', encoding: 'utf16be' });
  });

  it('reads bytes that are not UTF-8 as Latin-1', async () => {
    const at = await shared.place({ f: Buffer.from('caf\u00e9\n', 'latin1') });
    const read = unwrap(await shared.executor.readFile({ path: `${at}/f` }));
    expect(read).toMatchObject({ content: 'café\n', encoding: 'latin1', size: 5 });
  });

  it('reads characters outside the basic plane whole', async () => {
    const at = await shared.place({ f: '𝒳👨‍👩‍👧‍👦\u{10ffff}' });
    expect(unwrap(await shared.executor.readFile({ path: `${at}/f` })).content).toBe('𝒳👨‍👩‍👧‍👦\u{10ffff}');
  });
}

function bounds(shared: SharedSubject): void {
  it('cuts at the end of a line when the content is beyond maxBytes', async () => {
    const at = await shared.place({ f: 'aaaa\nbbbb\ncccc\n' });
    const read = unwrap(await shared.executor.readFile({ path: `${at}/f`, maxBytes: 11 }));
    expect(read).toMatchObject({
      content: 'aaaa\nbbbb\n',
      endLine: 2,
      totalLines: 3,
      truncated: true,
      size: 15,
    });
  });

  it('cuts a single line that is too long between two characters', async () => {
    const at = await shared.place({ f: 'äöüäöü' });
    const read = unwrap(await shared.executor.readFile({ path: `${at}/f`, maxBytes: 5 }));
    expect(read).toMatchObject({ content: 'äö', truncated: true, startLine: 1, endLine: 1 });
  });

  it('returns 256 KiB at most unless told otherwise', async () => {
    const at = await shared.place({ f: `${'x'.repeat(99)}\n`.repeat(10_000) });
    const read = unwrap(await shared.executor.readFile({ path: `${at}/f` }));
    expect(read).toMatchObject({ truncated: true, totalLines: 10_000, size: 1_000_000 });
    expect(Buffer.byteLength(read.content)).toBeLessThanOrEqual(262_144);
    expect(read.content.length).toBe(read.endLine * 100);
  });

  it('returns megabytes when asked for them', async () => {
    const text = 'x'.repeat(3_000_000);
    const at = await shared.place({ f: text });
    const read = unwrap(await shared.executor.readFile({ path: `${at}/f`, maxBytes: 4_000_000 }));
    expect(read.truncated).toBe(false);
    expect(read.content === text).toBe(true);
  });

  it('refuses a file beyond 50 MiB: FILE_TOO_LARGE', async () => {
    const at = await shared.place({ f: Buffer.alloc(MAX_TEXT_BYTES + 1, 0x61) });
    const error = expectFailure(await shared.executor.readFile({ path: `${at}/f` }), 'FILE_TOO_LARGE');
    expect(error.details).toMatchObject({ size: MAX_TEXT_BYTES + 1 });
    unwrap(await shared.executor.deleteFile({ path: at, recursive: true }));
  });
}

function refusals(shared: SharedSubject): void {
  it('refuses a file with a NUL in it: FILE_IS_BINARY', async () => {
    const at = await shared.place({ f: Buffer.from([0x61, 0, 0x62]) });
    expectFailure(await shared.executor.readFile({ path: `${at}/f` }), 'FILE_IS_BINARY');
  });

  it('refuses a file that does not exist: FILE_NOT_FOUND', async () => {
    const at = await shared.place();
    const error = expectFailure(await shared.executor.readFile({ path: `${at}/none` }), 'FILE_NOT_FOUND');
    expect(error).toMatchObject({ retryable: false });
    expect(error.message).toContain(`${at}/none`);
  });

  it('refuses a directory: NOT_A_FILE', async () => {
    const at = await shared.place();
    expectFailure(await shared.executor.readFile({ path: at }), 'NOT_A_FILE');
  });

  it('refuses a path that goes through a file: NOT_A_DIRECTORY', async () => {
    const at = await shared.place({ f: 'x' });
    expectFailure(await shared.executor.readFile({ path: `${at}/f/x` }), 'NOT_A_DIRECTORY');
  });
}
