import { randomBytes } from 'node:crypto';
import { ShadowError, unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import { bytesOf, chunksOf, concat, exists, expectFailure } from './expectations.ts';
import type { SharedSubject } from './shared-subject.ts';

/** `uploadFile` and `downloadFile`. */
export function transferringBytes(shared: SharedSubject): void {
  uploading(shared);
  uploadingCutShort(shared);
  downloading(shared);
}

function uploading(shared: SharedSubject): void {
  it('uploads any bytes and downloads them again', async () => {
    const at = await shared.place();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
    const up = await shared.executor.uploadFile({ path: `${at}/a/b.bin` }, chunksOf(bytes, bytes));
    expect(unwrap(up)).toMatchObject({ path: `${at}/a/b.bin`, size: 512, created: true });
    expect(await bytesOf(shared, `${at}/a/b.bin`)).toEqual(Buffer.concat([bytes, bytes]));
  });

  it('moves megabytes in both directions unchanged', async () => {
    const at = await shared.place();
    const bytes = randomBytes(5 * 1024 * 1024 + 7);
    const chunks = Array.from({ length: 80 }, (_, index) =>
      bytes.subarray(index * 65_537, (index + 1) * 65_537),
    );
    unwrap(
      await shared.executor.uploadFile(
        { path: `${at}/big` },
        chunksOf(...chunks.filter((c) => c.length > 0)),
      ),
    );
    expect((await bytesOf(shared, `${at}/big`)).equals(bytes)).toBe(true);
  });

  it('uploads an empty file', async () => {
    const at = await shared.place();
    const up = await shared.executor.uploadFile({ path: `${at}/empty` }, chunksOf());
    expect(unwrap(up)).toMatchObject({ size: 0, created: true });
    expect(unwrap(await shared.executor.statFile({ path: `${at}/empty` })).size).toBe(0);
  });

  it('refuses a taken name without overwrite: ALREADY_EXISTS', async () => {
    const at = await shared.place({ f: 'theirs' });
    expectFailure(await shared.executor.uploadFile({ path: `${at}/f` }, chunksOf('mine')), 'ALREADY_EXISTS');
    expect((await bytesOf(shared, `${at}/f`)).toString()).toBe('theirs');
  });

  it('replaces a file with overwrite', async () => {
    const at = await shared.place({ f: 'old' });
    const up = await shared.executor.uploadFile({ path: `${at}/f`, overwrite: true }, chunksOf('new'));
    expect(unwrap(up).created).toBe(false);
    expect((await bytesOf(shared, `${at}/f`)).toString()).toBe('new');
  });

  it('refuses to upload in place of a directory: NOT_A_FILE', async () => {
    const at = await shared.place();
    const up = await shared.executor.uploadFile({ path: at, overwrite: true }, chunksOf('x'));
    expectFailure(up, 'NOT_A_FILE');
  });
}

function uploadingCutShort(shared: SharedSubject): void {
  it('keeps the old file when the source of an upload fails', async () => {
    const at = await shared.place({ f: 'old' });
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('half');
      throw new ShadowError('FILE_NOT_FOUND', 'The source is gone.');
    }
    const up = await shared.executor.uploadFile({ path: `${at}/f`, overwrite: true }, failing());
    expect(up.success).toBe(false);
    expect((await bytesOf(shared, `${at}/f`)).toString()).toBe('old');
  });

  it('leaves nothing of an upload that was cancelled: CANCELLED', async () => {
    const at = await shared.place();
    const abort = new AbortController();
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (let count = 0; ; count += 1) {
        if (count === 3) abort.abort();
        yield Buffer.alloc(1024, 0x61);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    const request = { path: `${at}/f` };
    expectFailure(
      await shared.executor.uploadFile(request, endless(), { signal: abort.signal }),
      'CANCELLED',
    );
    expect(await exists(shared, `${at}/f`)).toBe(false);
    expect(unwrap(await shared.executor.listDirectory({ path: at })).entries).toEqual([]);
  });
}

function downloading(shared: SharedSubject): void {
  it.each([
    ['from an offset', { offset: 3 }, '3456789'],
    ['a range', { offset: 2, length: 3 }, '234'],
    ['from the beginning', { length: 4 }, '0123'],
    ['no byte', { offset: 1, length: 0 }, ''],
    ['what there is of a range beyond the end', { offset: 8, length: 9 }, '89'],
    ['nothing from beyond the end', { offset: 99 }, ''],
  ])('downloads %s', async (_what, range, wanted) => {
    const at = await shared.place({ f: '0123456789' });
    const down = unwrap(await shared.executor.downloadFile({ path: `${at}/f`, ...range }));
    expect(down).toMatchObject({ path: `${at}/f`, size: 10 });
    expect((await concat(down.content)).toString()).toBe(wanted);
  });

  it('downloads through a symbolic link that stays inside', async () => {
    const at = await shared.place({ f: 'x' });
    await shared.seed.link(`${at}/link`, `${shared.root}/${at}/f`);
    expect((await bytesOf(shared, `${at}/link`)).toString()).toBe('x');
  });

  it('refuses what does not exist: FILE_NOT_FOUND', async () => {
    const at = await shared.place();
    expectFailure(await shared.executor.downloadFile({ path: `${at}/none` }), 'FILE_NOT_FOUND');
  });

  it('refuses a directory: NOT_A_FILE', async () => {
    const at = await shared.place();
    expectFailure(await shared.executor.downloadFile({ path: at }), 'NOT_A_FILE');
  });

  it('ends a download that is cancelled midway with CANCELLED', async () => {
    const at = await shared.place({ f: Buffer.alloc(16 * 1024 * 1024, 1) });
    const abort = new AbortController();
    const down = unwrap(await shared.executor.downloadFile({ path: `${at}/f` }, { signal: abort.signal }));
    const reading = (async () => {
      for await (const _chunk of down.content) abort.abort();
    })();
    await expect(reading).rejects.toMatchObject({ name: 'ShadowError', code: 'CANCELLED' });
  });
}
