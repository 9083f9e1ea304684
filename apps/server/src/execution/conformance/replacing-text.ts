import { unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import { bytesOf, expectFailure, textOf } from './expectations.ts';
import type { SharedSubject } from './shared-subject.ts';

/** `searchReplace`: exact, unique unless told otherwise, and the rest of the file byte for byte. */
export function replacingText(shared: SharedSubject): void {
  replacements(shared);
  lineEndsAndEncodings(shared);
  refusals(shared);
}

function replacements(shared: SharedSubject): void {
  it('replaces text that occurs once and says where', async () => {
    const at = await shared.place({ f: 'one\ntwo\nthree\n' });
    const request = { path: `${at}/f`, oldText: 'two', newText: '2' };
    expect(unwrap(await shared.executor.searchReplace(request))).toMatchObject({
      path: `${at}/f`,
      replacements: 1,
      line: 2,
      additions: 1,
      deletions: 1,
    });
    expect(await textOf(shared, `${at}/f`)).toBe('one\n2\nthree\n');
  });

  it('replaces text over several lines', async () => {
    const at = await shared.place({ f: 'a {\n  b;\n}\n' });
    const request = { path: `${at}/f`, oldText: '{\n  b;\n}', newText: '{}' };
    expect(unwrap(await shared.executor.searchReplace(request))).toMatchObject({
      additions: 1,
      deletions: 3,
    });
    expect(await textOf(shared, `${at}/f`)).toBe('a {}\n');
  });

  it.each(['$&', '$1', '$$', "$`$'", '\\n', '$<name>'])(
    'takes %s in the replacement literally',
    async (newText) => {
      const at = await shared.place({ f: 'a X b' });
      unwrap(await shared.executor.searchReplace({ path: `${at}/f`, oldText: 'X', newText }));
      expect(await textOf(shared, `${at}/f`)).toBe(`a ${newText} b`);
    },
  );

  it('takes characters of regular expressions in the searched text literally', async () => {
    const at = await shared.place({ f: 'f(x) = [a-z]+.*?$\nfx' });
    unwrap(
      await shared.executor.searchReplace({ path: `${at}/f`, oldText: '(x) = [a-z]+.*?$', newText: '' }),
    );
    expect(await textOf(shared, `${at}/f`)).toBe('f\nfx');
  });

  it('replaces every occurrence with replaceAll', async () => {
    const at = await shared.place({ f: 'x y x\nx' });
    const request = { path: `${at}/f`, oldText: 'x', newText: 'xx', replaceAll: true };
    expect(unwrap(await shared.executor.searchReplace(request))).toMatchObject({ replacements: 3, line: 1 });
    expect(await textOf(shared, `${at}/f`)).toBe('xx y xx\nxx');
  });

  it('deletes text by an empty replacement', async () => {
    const at = await shared.place({ f: 'keep drop keep' });
    unwrap(await shared.executor.searchReplace({ path: `${at}/f`, oldText: ' drop', newText: '' }));
    expect(await textOf(shared, `${at}/f`)).toBe('keep keep');
  });

  it('keeps the mode', async () => {
    const at = await shared.place();
    await shared.seed.file(`${at}/run.sh`, 'old', 0o755);
    unwrap(await shared.executor.searchReplace({ path: `${at}/run.sh`, oldText: 'old', newText: 'new' }));
    expect(unwrap(await shared.executor.statFile({ path: `${at}/run.sh` })).mode & 0o777).toBe(0o755);
  });

  it('replaces Unicode text', async () => {
    const at = await shared.place({ f: '你好 👩‍💻 世界' });
    unwrap(await shared.executor.searchReplace({ path: `${at}/f`, oldText: '👩‍💻', newText: '🧑‍🚀' }));
    expect(await textOf(shared, `${at}/f`)).toBe('你好 🧑‍🚀 世界');
  });
}

function lineEndsAndEncodings(shared: SharedSubject): void {
  it('finds LF text in a CRLF file and keeps its line ends', async () => {
    const at = await shared.place({ f: 'a\r\nb\r\nc\r\n' });
    unwrap(await shared.executor.searchReplace({ path: `${at}/f`, oldText: 'a\nb', newText: 'x\ny\nz' }));
    expect(await textOf(shared, `${at}/f`)).toBe('x\r\ny\r\nz\r\nc\r\n');
  });

  it('finds CRLF text in an LF file', async () => {
    const at = await shared.place({ f: 'a\nb\n' });
    unwrap(await shared.executor.searchReplace({ path: `${at}/f`, oldText: 'a\r\nb', newText: 'c' }));
    expect(await textOf(shared, `${at}/f`)).toBe('c\n');
  });

  it('leaves mixed line ends elsewhere in the file alone', async () => {
    const at = await shared.place({ f: 'a\r\nb\nc\r\nd\n' });
    unwrap(await shared.executor.searchReplace({ path: `${at}/f`, oldText: 'b', newText: 'B' }));
    expect(await textOf(shared, `${at}/f`)).toBe('a\r\nB\nc\r\nd\n');
  });

  it('keeps a byte order mark', async () => {
    const at = await shared.place({ f: '\ufeffold' });
    unwrap(await shared.executor.searchReplace({ path: `${at}/f`, oldText: 'old', newText: 'new' }));
    expect(await bytesOf(shared, `${at}/f`)).toEqual(Buffer.from('\ufeffnew'));
  });

  it('keeps UTF-16', async () => {
    const at = await shared.place({ f: Buffer.from('\ufeffold', 'utf16le') });
    unwrap(await shared.executor.searchReplace({ path: `${at}/f`, oldText: 'old', newText: 'new' }));
    expect(await bytesOf(shared, `${at}/f`)).toEqual(Buffer.from('\ufeffnew', 'utf16le'));
  });
}

function refusals(shared: SharedSubject): void {
  it('refuses text that does not occur and names the nearest line: TEXT_NOT_FOUND', async () => {
    const at = await shared.place({ f: 'first\nconst total = 1;\nlast\n' });
    const request = { path: `${at}/f`, oldText: 'const total = 2;', newText: 'x' };
    const error = expectFailure(await shared.executor.searchReplace(request), 'TEXT_NOT_FOUND');
    expect(error.details).toMatchObject({ nearestLine: 2, nearestText: 'const total = 1;' });
    expect(await textOf(shared, `${at}/f`)).toBe('first\nconst total = 1;\nlast\n');
  });

  it('refuses text that occurs more than once and names the lines: TEXT_NOT_UNIQUE', async () => {
    const at = await shared.place({ f: 'x\ny\nx\n' });
    const request = { path: `${at}/f`, oldText: 'x', newText: 'z' };
    const error = expectFailure(await shared.executor.searchReplace(request), 'TEXT_NOT_UNIQUE');
    expect(error.details).toMatchObject({ count: 2, lines: [1, 3] });
    expect(await textOf(shared, `${at}/f`)).toBe('x\ny\nx\n');
  });

  it('refuses an empty text: VALIDATION_FAILED', async () => {
    const at = await shared.place({ f: 'x' });
    const request = { path: `${at}/f`, oldText: '', newText: 'z' };
    expectFailure(await shared.executor.searchReplace(request), 'VALIDATION_FAILED');
  });

  it('refuses a binary file: FILE_IS_BINARY', async () => {
    const at = await shared.place({ f: Buffer.from([0x78, 0]) });
    const request = { path: `${at}/f`, oldText: 'x', newText: 'z' };
    expectFailure(await shared.executor.searchReplace(request), 'FILE_IS_BINARY');
  });

  it('refuses a file that does not exist: FILE_NOT_FOUND', async () => {
    const at = await shared.place();
    const request = { path: `${at}/none`, oldText: 'x', newText: 'z' };
    expectFailure(await shared.executor.searchReplace(request), 'FILE_NOT_FOUND');
  });

  it('refuses a directory: NOT_A_FILE', async () => {
    const at = await shared.place();
    expectFailure(
      await shared.executor.searchReplace({ path: at, oldText: 'x', newText: 'z' }),
      'NOT_A_FILE',
    );
  });
}
