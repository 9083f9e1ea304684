import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  linkSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorOf, isRoot, makeWorkspace, NOBODY, ok, type TestWorkspace } from './fixtures/engine.ts';

let workspace: TestWorkspace;
beforeEach(() => {
  workspace = makeWorkspace();
});
afterEach(() => workspace.close());

const disk = (path: string): Buffer => readFileSync(join(workspace.root, path));

describe('readFile', () => {
  it('reads a whole file with its totals and the hash of its bytes', async () => {
    workspace.put('a.txt', 'one\ntwo\nthree');
    const hash = createHash('sha256').update('one\ntwo\nthree').digest('hex');
    expect(ok(await workspace.engine.readFile({ path: 'a.txt' }))).toEqual({
      success: true,
      path: 'a.txt',
      content: 'one\ntwo\nthree',
      encoding: 'utf8',
      size: 13,
      totalLines: 3,
      startLine: 1,
      endLine: 3,
      truncated: false,
      hash,
    });
  });

  it('reads a range of lines with their line ends and clips it at the last line', async () => {
    workspace.put('a.txt', 'one\r\ntwo\r\nthree\r\n');
    const result = ok(await workspace.engine.readFile({ path: 'a.txt', startLine: 2, endLine: 99 }));
    expect(result).toMatchObject({
      content: 'two\r\nthree\r\n',
      startLine: 2,
      endLine: 3,
      totalLines: 3,
      truncated: false,
    });
  });

  it('says that an empty file has no lines', async () => {
    workspace.put('empty', '');
    expect(ok(await workspace.engine.readFile({ path: 'empty' }))).toMatchObject({
      content: '',
      totalLines: 0,
      startLine: 1,
      endLine: 0,
    });
  });

  it('refuses a range beyond the end, or one that runs backwards, naming the field', async () => {
    workspace.put('a.txt', 'one\n');
    const beyond = errorOf(await workspace.engine.readFile({ path: 'a.txt', startLine: 5 }));
    expect(beyond).toMatchObject({
      code: 'VALIDATION_FAILED',
      details: { issues: [{ field: 'startLine' }] },
    });
    const backwards = errorOf(await workspace.engine.readFile({ path: 'a.txt', startLine: 3, endLine: 1 }));
    expect(backwards).toMatchObject({
      code: 'VALIDATION_FAILED',
      details: { issues: [{ field: 'endLine' }] },
    });
  });

  it('cuts at the end of a line when the content is too long', async () => {
    workspace.put('a.txt', 'äää\nbbb\nccc\n');
    const result = ok(await workspace.engine.readFile({ path: 'a.txt', maxBytes: 12 }));
    expect(result).toMatchObject({ content: 'äää\nbbb\n', endLine: 2, totalLines: 3, truncated: true });
  });

  it('cuts a first line that alone is too long, between characters', async () => {
    workspace.put('a.txt', 'ä'.repeat(100));
    const result = ok(await workspace.engine.readFile({ path: 'a.txt', maxBytes: 7 }));
    expect(result).toMatchObject({ content: 'äää', startLine: 1, endLine: 1, truncated: true });
  });

  it.each([
    ['utf8', Buffer.from('\ufeffgrüße')],
    ['utf16le', Buffer.from('\ufeffgrüße', 'utf16le')],
    ['utf16be', Buffer.from('\ufeffgrüße', 'utf16le').swap16()],
    ['latin1', Buffer.from('grüße', 'latin1')],
  ])('decodes %s without its byte order mark', async (encoding, bytes) => {
    workspace.put('a.txt', bytes);
    expect(ok(await workspace.engine.readFile({ path: 'a.txt' }))).toMatchObject({
      content: 'grüße',
      encoding,
      size: bytes.length,
    });
  });

  it.each([
    ['a NUL', Buffer.from('ELF\0\u0001')],
    ['control characters in no encoding', Buffer.from([0xff, 0xd8, 0x01, 0x02, 0x03])],
  ])('calls bytes with %s binary', async (_what, bytes) => {
    workspace.put('a.bin', bytes);
    expect(errorOf(await workspace.engine.readFile({ path: 'a.bin' }))).toMatchObject({
      code: 'FILE_IS_BINARY',
      details: { size: bytes.length },
    });
  });

  it('refuses a file too large for text without reading it', async () => {
    truncateSync(workspace.put('big', ''), 51 * 1024 * 1024);
    expect(errorOf(await workspace.engine.readFile({ path: 'big' })).code).toBe('FILE_TOO_LARGE');
  });

  it('tells what is missing, what is a directory and what would never answer', async () => {
    workspace.put('d/a', '');
    execFileSync('mkfifo', [join(workspace.root, 'fifo')]);
    expect(errorOf(await workspace.engine.readFile({ path: 'no' })).code).toBe('FILE_NOT_FOUND');
    expect(errorOf(await workspace.engine.readFile({ path: 'no/such' })).code).toBe('FILE_NOT_FOUND');
    expect(errorOf(await workspace.engine.readFile({ path: 'd' })).code).toBe('NOT_A_FILE');
    expect(errorOf(await workspace.engine.readFile({ path: 'fifo' })).code).toBe('NOT_A_FILE');
    expect(errorOf(await workspace.engine.readFile({ path: 'd/a/b' })).code).toBe('NOT_A_DIRECTORY');
  });

  it('refuses bad requests, naming field and reason, and aborted ones', async () => {
    const bad = errorOf(await workspace.engine.readFile({ path: 'a\0b' }));
    expect(bad.code).toBe('VALIDATION_FAILED');
    expect(bad.message).toContain('path: must not contain a NUL character');
    expect(errorOf(await workspace.engine.readFile(null as never)).code).toBe('VALIDATION_FAILED');
    expect(
      errorOf(await workspace.engine.readFile({ path: 'a' }, { signal: AbortSignal.abort() })).code,
    ).toBe('CANCELLED');
  });

  it.runIf(isRoot)('reads nothing as root that the workspace’s user could not read', async () => {
    const other = makeWorkspace({ runAs: NOBODY });
    const secret = other.put('../secret', 'key');
    chmodSync(secret, 0o600);
    linkSync(secret, join(other.root, 'link'));
    expect(errorOf(await other.engine.readFile({ path: 'link' })).code).toBe('PERMISSION_DENIED');
    chownSync(secret, NOBODY.uid, NOBODY.gid);
    expect(ok(await other.engine.readFile({ path: 'link' })).content).toBe('key');
    await other.close();
  });
});

describe('writeFile', () => {
  it('makes a file and its parents, counts its lines and leaves no other file behind', async () => {
    const result = ok(await workspace.engine.writeFile({ path: 'x/y/z.txt', content: 'a\nb' }));
    expect(result).toEqual({
      success: true,
      path: 'x/y/z.txt',
      created: true,
      size: 3,
      additions: 2,
      deletions: 0,
    });
    expect(readdirSync(join(workspace.root, 'x/y'))).toEqual(['z.txt']);
  });

  it('keeps mode and counts changed lines as a diff would', async () => {
    const path = workspace.put('run.sh', 'a\nb\nc\nd\n');
    chmodSync(path, 0o754);
    const result = ok(await workspace.engine.writeFile({ path: 'run.sh', content: 'a\nX\nc\nd\ne\n' }));
    expect(result).toMatchObject({ created: false, additions: 2, deletions: 1 });
    expect(statSync(path).mode & 0o777).toBe(0o754);
  });

  it('keeps CRLF line ends, byte order mark and encoding of the present file', async () => {
    workspace.put('crlf.txt', 'a\r\nb\r\n');
    workspace.put('mark.txt', '\ufeffa\n');
    workspace.put('wide.txt', Buffer.from('\ufeffa', 'utf16le'));
    workspace.put('wide-be.txt', Buffer.from('\ufeffa', 'utf16le').swap16());
    workspace.put('old.txt', Buffer.from('ä', 'latin1'));
    ok(await workspace.engine.writeFile({ path: 'crlf.txt', content: 'x\ny\n' }));
    for (const path of ['mark.txt', 'wide.txt', 'wide-be.txt', 'old.txt'])
      ok(await workspace.engine.writeFile({ path, content: 'ö' }));
    expect(disk('crlf.txt').toString()).toBe('x\r\ny\r\n');
    expect(disk('mark.txt')).toEqual(Buffer.from('\ufeffö'));
    expect(disk('wide.txt')).toEqual(Buffer.from('\ufeffö', 'utf16le'));
    expect(disk('wide-be.txt')).toEqual(Buffer.from('\ufeffö', 'utf16le').swap16());
    expect(disk('old.txt')).toEqual(Buffer.from('ö', 'latin1'));
    ok(await workspace.engine.writeFile({ path: 'old.txt', content: '語' }));
    expect(disk('old.txt').toString()).toBe('語');
  });

  it('takes CRLF that the content brings along as it is', async () => {
    workspace.put('a.txt', 'a\nb\n');
    ok(await workspace.engine.writeFile({ path: 'a.txt', content: 'a\r\nb\r\n' }));
    expect(disk('a.txt').toString()).toBe('a\r\nb\r\n');
  });

  it('writes only over the file that the hash names', async () => {
    workspace.put('a.txt', 'one');
    const { hash } = ok(await workspace.engine.readFile({ path: 'a.txt' }));
    workspace.put('a.txt', 'two');
    const changed = await workspace.engine.writeFile({ path: 'a.txt', content: 'three', expectedHash: hash });
    expect(errorOf(changed).code).toBe('FILE_CHANGED');
    const present = await workspace.engine.writeFile({ path: 'a.txt', content: 'three', expectedHash: '' });
    expect(errorOf(present).code).toBe('FILE_CHANGED');
    const missing = await workspace.engine.writeFile({ path: 'b.txt', content: 'x', expectedHash: hash });
    expect(errorOf(missing).code).toBe('FILE_CHANGED');
    expect(disk('a.txt').toString()).toBe('two');
    ok(await workspace.engine.writeFile({ path: 'new.txt', content: 'x', expectedHash: '' }));
    const { hash: now } = ok(await workspace.engine.readFile({ path: 'a.txt' }));
    ok(await workspace.engine.writeFile({ path: 'a.txt', content: 'three', expectedHash: now }));
    expect(disk('a.txt').toString()).toBe('three');
  });

  it('replaces a binary and a huge file, and writes through a link that stays inside', async () => {
    workspace.put('b.bin', Buffer.from([0, 1]));
    truncateSync(workspace.put('huge', ''), 51 * 1024 * 1024);
    workspace.put('real.txt', 'old');
    symlinkSync('real.txt', join(workspace.root, 'link.txt'));
    expect(ok(await workspace.engine.writeFile({ path: 'b.bin', content: 'text\n' }))).toMatchObject({
      created: false,
      additions: 1,
      deletions: 0,
    });
    expect(ok(await workspace.engine.writeFile({ path: 'huge', content: 'x' })).size).toBe(1);
    ok(await workspace.engine.writeFile({ path: 'link.txt', content: 'new' }));
    expect(disk('real.txt').toString()).toBe('new');
  });

  it('refuses directories and everything in .git', async () => {
    workspace.put('d/x', '');
    workspace.put('.git/config', '[core]');
    symlinkSync('.git', join(workspace.root, 'innocent'));
    expect(errorOf(await workspace.engine.writeFile({ path: 'd', content: '' })).code).toBe('NOT_A_FILE');
    expect(errorOf(await workspace.engine.writeFile({ path: '.', content: '' })).code).toBe('NOT_A_FILE');
    for (const path of [
      '.git/config',
      '.git/hooks/pre-commit',
      'innocent/hooks/x',
      'sub/.git/config',
      '.git',
    ]) {
      expect(errorOf(await workspace.engine.writeFile({ path, content: '' })).code, path).toBe(
        'PERMISSION_DENIED',
      );
    }
  });

  it('lets writers of one file wait for each other', async () => {
    workspace.put('n.txt', 'a'.repeat(50));
    const edits = Array.from({ length: 50 }, () =>
      workspace.engine.searchReplace({ path: 'n.txt', oldText: 'a'.repeat(50), newText: 'a'.repeat(50) }),
    );
    for (const result of await Promise.all(edits)) ok(result);
    expect(readdirSync(workspace.root)).toEqual(['n.txt']);
  });

  it.runIf(isRoot)(
    'gives new files and directories to the workspace’s user and leaves owners of present ones',
    async () => {
      const other = makeWorkspace({ runAs: NOBODY });
      other.put('mine.txt', 'x');
      ok(await other.engine.writeFile({ path: 'p/q/new.txt', content: 'x' }));
      ok(await other.engine.writeFile({ path: 'mine.txt', content: 'y' }));
      ok(await other.engine.makeDirectory({ path: 'made' }));
      for (const path of ['p', 'p/q', 'p/q/new.txt', 'made'])
        expect(statSync(join(other.root, path)).uid, path).toBe(NOBODY.uid);
      expect(statSync(join(other.root, 'mine.txt')).uid).toBe(0);
      await other.close();
    },
  );

  it.runIf(isRoot)('says that the disk is full, keeps the old file and leaves no temporary one', async () => {
    const mount = join(workspace.root, 'small');
    ok(await workspace.engine.makeDirectory({ path: 'small' }));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', mount]);
    try {
      writeFileSync(join(mount, 'a.txt'), 'old');
      const result = await workspace.engine.writeFile({ path: 'small/a.txt', content: 'x'.repeat(200_000) });
      expect(errorOf(result)).toMatchObject({ code: 'DISK_FULL', retryable: false });
      expect(readFileSync(join(mount, 'a.txt'), 'utf8')).toBe('old');
      expect(readdirSync(mount)).toEqual(['a.txt']);
    } finally {
      execFileSync('umount', [mount]);
    }
  });
});

describe('searchReplace', () => {
  const edit = (oldText: string, newText: string, replaceAll?: boolean) =>
    workspace.engine.searchReplace({
      path: 'a.txt',
      oldText,
      newText,
      ...(replaceAll === undefined ? {} : { replaceAll }),
    });

  it('replaces what is unique, the replacement taken literally', async () => {
    workspace.put('a.txt', 'one\ntwo\nthree\n');
    expect(ok(await edit('two', "$& $1 $$ $` $'"))).toEqual({
      success: true,
      path: 'a.txt',
      replacements: 1,
      line: 2,
      additions: 1,
      deletions: 1,
    });
    expect(disk('a.txt').toString()).toBe("one\n$& $1 $$ $` $'\nthree\n");
  });

  it('matches LF text in a CRLF file and leaves the rest byte for byte', async () => {
    workspace.put('a.txt', 'a\r\nb\r\nc\r\nd\n');
    expect(ok(await edit('a\nb\n', 'x\ny\nz\n'))).toMatchObject({
      replacements: 1,
      line: 1,
      additions: 3,
      deletions: 2,
    });
    expect(disk('a.txt').toString()).toBe('x\r\ny\r\nz\r\nc\r\nd\n');
    ok(await edit('\nc\r\n', '\nC\n'));
    expect(disk('a.txt').toString()).toBe('x\r\ny\r\nz\r\nC\r\nd\n');
  });

  it('replaces all occurrences, not overlapping, when asked', async () => {
    workspace.put('a.txt', 'aaaa\r\naa');
    expect(ok(await edit('aa', 'b', true))).toMatchObject({ replacements: 3, line: 1 });
    expect(disk('a.txt').toString()).toBe('bb\r\nb');
  });

  it('names count and lines when the text is not unique', async () => {
    workspace.put('a.txt', 'x\ny\nx\n');
    const error = errorOf(await edit('x', 'z'));
    expect(error).toMatchObject({ code: 'TEXT_NOT_UNIQUE', details: { count: 2, lines: [1, 3] } });
    expect(disk('a.txt').toString()).toBe('x\ny\nx\n');
  });

  it('names the nearest line when the text is not there', async () => {
    workspace.put('a.txt', 'function one() {}\n  function two(a, b) {}\n');
    expect(errorOf(await edit('function two(a, b) {}\nelse', ''))).toMatchObject({
      code: 'TEXT_NOT_FOUND',
      details: { nearestLine: 2 },
    });
    expect(errorOf(await edit('function two(a, c)', ''))).toMatchObject({
      code: 'TEXT_NOT_FOUND',
      details: { nearestLine: 2, count: 0 },
    });
    expect(errorOf(await edit('zzz', '')).details).not.toHaveProperty('nearestLine');
    expect(errorOf(await edit('\n\n\n', '')).details).not.toHaveProperty('nearestLine');
  });

  it('refuses binary and missing files', async () => {
    workspace.put('a.txt', Buffer.from([0]));
    expect(errorOf(await edit('a', 'b')).code).toBe('FILE_IS_BINARY');
    expect(
      errorOf(await workspace.engine.searchReplace({ path: 'no', oldText: 'a', newText: 'b' })).code,
    ).toBe('FILE_NOT_FOUND');
  });
});
