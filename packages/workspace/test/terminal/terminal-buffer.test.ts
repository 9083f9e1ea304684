import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BufferFrame, createOutputDecoder, TerminalBuffer } from '../../src/terminal/index.ts';

let directory: string;

beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'terminal-')), 'output');
});

afterEach(() => rmSync(join(directory, '..'), { recursive: true, force: true }));

async function framesOf(frames: AsyncIterable<BufferFrame>): Promise<BufferFrame[]> {
  const all: BufferFrame[] = [];
  for await (const frame of frames) all.push(frame);
  return all;
}

async function textOf(frames: AsyncIterable<BufferFrame>): Promise<string> {
  const all = await framesOf(frames);
  return all.map((frame) => (frame.type === 'data' ? Buffer.from(frame.data).toString() : '<gap>')).join('');
}

/** A byte that only its offset decides, so that any misplaced one shows. */
function patternAt(offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let index = 0; index < length; index += 1) bytes[index] = ((offset + index) * 2654435761) >>> 24;
  return bytes;
}

function expectPattern(frames: readonly BufferFrame[], from: number, to: number): void {
  let offset = from;
  for (const frame of frames) {
    if (frame.type === 'gap') {
      expect(frame.fromOffset).toBe(offset);
      expect(frame.toOffset).toBeGreaterThan(offset);
      offset = frame.toOffset;
    } else {
      expect(frame.offset).toBe(offset);
      expect(Buffer.compare(Buffer.from(frame.data), patternAt(offset, frame.data.length))).toBe(0);
      offset += frame.data.length;
    }
  }
  expect(offset).toBe(to);
}

describe('reading', () => {
  it('gives streams in order of arrival, each run with its stream and offset', async () => {
    const buffer = TerminalBuffer.create({ directory });
    buffer.append('stdout', Buffer.from('one'));
    buffer.append('stderr', Buffer.from('two'));
    buffer.append('stdout', Buffer.from('three'));
    buffer.close();
    const frames = await framesOf(buffer.read());
    expect(
      frames.map((frame) =>
        frame.type === 'data' ? [frame.offset, frame.stream, String(frame.data)] : frame,
      ),
    ).toEqual([
      [0, 'stdout', 'one'],
      [3, 'stderr', 'two'],
      [6, 'stdout', 'three'],
    ]);
  });

  it.each([0, 1, 2, 3, 5, 6, 10, 11, 12])(
    'starts at offset %i, in the middle of a run too',
    async (offset) => {
      const buffer = TerminalBuffer.create({ directory });
      buffer.append('stdout', Buffer.from('abc'));
      buffer.append('stderr', Buffer.from('def'));
      buffer.append('stdout', Buffer.from('ghijk'));
      buffer.flush();
      expect(await textOf(buffer.read({ fromOffset: offset }))).toBe('abcdefghijk'.slice(offset));
      buffer.close();
      expect(await textOf(buffer.read({ fromOffset: offset }))).toBe('abcdefghijk'.slice(offset));
      expect(await textOf(buffer.read({ fromOffset: offset, maxBytes: 2 }))).toBe(
        'abcdefghijk'.slice(offset, offset + 2),
      );
    },
  );

  it('stops at the present end unless it follows', async () => {
    const buffer = TerminalBuffer.create({ directory });
    buffer.append('stdout', Buffer.from('abc'));
    buffer.flush();
    expect(await textOf(buffer.read())).toBe('abc');
    const following = textOf(buffer.read({ follow: true }));
    buffer.append('stdout', Buffer.from('def'));
    buffer.close();
    expect(await following).toBe('abcdef');
  });

  it('waits at an offset beyond the end, and ends when the buffer does', async () => {
    const buffer = TerminalBuffer.create({ directory });
    expect(await textOf(buffer.read({ fromOffset: 4 }))).toBe('');
    const following = textOf(buffer.read({ fromOffset: 4, follow: true }));
    buffer.append('stdout', Buffer.from('abcdef'));
    buffer.close();
    expect(await following).toBe('ef');
  });

  it('ends a follower when its signal aborts', async () => {
    const buffer = TerminalBuffer.create({ directory });
    const abort = new AbortController();
    const following = textOf(buffer.read({ follow: true, signal: abort.signal }));
    abort.abort();
    expect(await following).toBe('');
    expect(await textOf(buffer.read({ follow: true, signal: abort.signal }))).toBe('');
    buffer.close();
  });

  it('serves many readers from different offsets at once', async () => {
    const buffer = TerminalBuffer.create({ directory });
    const total = 3_000_000;
    const readers = Array.from({ length: 20 }, async (_, index) => {
      const from = index * 1000;
      expectPattern(await framesOf(buffer.read({ fromOffset: from, follow: true })), from, total);
    });
    for (let offset = 0; offset < total; offset += 50_000) {
      buffer.append('stdout', patternAt(offset, 50_000));
      if (offset % 300_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    buffer.close();
    await Promise.all(readers);
  });

  it('joins tiny runs of one stream into few frames', async () => {
    const buffer = TerminalBuffer.create({ directory });
    for (let index = 0; index < 20_000; index += 1) buffer.append('stdout', Buffer.from('x'));
    buffer.flush();
    expect((await framesOf(buffer.read())).length).toBe(1);
    buffer.close();
    expect((await framesOf(buffer.read())).length).toBe(1);
  });

  it('keeps thousands of alternating one-byte runs apart', async () => {
    const buffer = TerminalBuffer.create({ directory, capacityBytes: 65_536 });
    for (let index = 0; index < 10_000; index += 1) {
      buffer.append(index % 2 === 0 ? 'stdout' : 'stderr', Buffer.from(index % 2 === 0 ? 'o' : 'e'));
    }
    buffer.close();
    const frames = await framesOf(buffer.read());
    expect(frames.length).toBe(10_000);
    expect(frames.every((frame, index) => frame.type === 'data' && frame.offset === index)).toBe(true);
  });
});

describe('the ring', () => {
  it('evicts the oldest bytes and tells a late reader the gap', async () => {
    const buffer = TerminalBuffer.create({ directory, capacityBytes: 65_536 });
    for (let offset = 0; offset < 1_000_000; offset += 1000) {
      buffer.append('stdout', patternAt(offset, 1000));
      buffer.flush();
    }
    expect(buffer.end).toBe(1_000_000);
    expect(buffer.end - buffer.start).toBeGreaterThanOrEqual(65_536);
    expect(buffer.end - buffer.start).toBeLessThan(2 * 65_536);
    const frames = await framesOf(buffer.read({ fromOffset: 10 }));
    expect(frames[0]).toEqual({ type: 'gap', fromOffset: 10, toOffset: buffer.start });
    expectPattern(frames, 10, 1_000_000);
    expectPattern(await framesOf(buffer.read()), buffer.start, 1_000_000);
    buffer.close();
  });

  it('bounds the disk', () => {
    const buffer = TerminalBuffer.create({ directory, capacityBytes: 65_536 });
    for (let index = 0; index < 2000; index += 1) {
      buffer.append('stdout', Buffer.alloc(1000, 'x'));
      buffer.flush();
    }
    buffer.close();
    const bytes = readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
    expect(bytes).toBeLessThan(2 * 65_536);
  });

  it('lets a slow reader skip with gaps, every byte it gets in its place', async () => {
    const buffer = TerminalBuffer.create({ directory, capacityBytes: 65_536 });
    const reader = buffer.read({ fromOffset: 0, follow: true });
    const frames: BufferFrame[] = [];
    let offset = 0;
    for (let round = 0; round < 40; round += 1) {
      for (let piece = 0; piece < 1 + (round % 12); piece += 1) {
        buffer.append('stdout', patternAt(offset, 20_000));
        offset += 20_000;
      }
      buffer.flush();
      const next = await reader.next();
      if (next.done === false) frames.push(next.value);
    }
    await reader.return();
    expect(frames.some(({ type }) => type === 'gap')).toBe(true);
    const last = frames.at(-1);
    const end = last?.type === 'data' ? last.offset + last.data.length : (last?.toOffset ?? 0);
    expectPattern(frames, 0, end);
    buffer.close();
  });

  it('declares a gap where the disk refused bytes, and goes on after it', async () => {
    writeFileSync(directory, 'in the way');
    const blocked = TerminalBuffer.create({ directory });
    blocked.append('stdout', Buffer.from('lost'));
    blocked.flush();
    expect(blocked.end).toBe(4);
    rmSync(directory);
    blocked.append('stdout', Buffer.from('kept'));
    blocked.flush();
    expect(await textOf(blocked.read({ fromOffset: 0 }))).toBe('<gap>kept');
    blocked.close();
    rmSync(directory, { recursive: true });
    expect(await framesOf(blocked.read({ fromOffset: 0 }))).toEqual([
      { type: 'gap', fromOffset: 0, toOffset: 4 },
      { type: 'gap', fromOffset: 4, toOffset: 8 },
    ]);
    blocked.close();
  });

  it('declares a gap where a segment was deleted by somebody', async () => {
    const buffer = TerminalBuffer.create({ directory, capacityBytes: 8192 });
    for (let offset = 0; offset < 8000; offset += 500) {
      buffer.append('stdout', patternAt(offset, 500));
      buffer.flush();
    }
    buffer.close();
    const [first, second] = readdirSync(directory).sort();
    rmSync(join(directory, second ?? ''));
    const frames = await framesOf(buffer.read());
    expect(frames.filter(({ type }) => type === 'gap').length).toBe(1);
    expectPattern(frames, 0, 8000);
    expect(first).toBeDefined();
  });
});

describe('after a restart', () => {
  it('gives back everything recorded', async () => {
    const buffer = TerminalBuffer.create({ directory, capacityBytes: 65_536 });
    for (let offset = 0; offset < 300_000; offset += 700) {
      buffer.append(
        offset % 1400 === 0 ? 'stdout' : 'stderr',
        patternAt(offset, Math.min(700, 300_000 - offset)),
      );
      buffer.flush();
    }
    const start = buffer.start;
    const loaded = TerminalBuffer.load({ directory });
    expect([loaded.start, loaded.end, loaded.isClosed]).toEqual([start, 300_000, true]);
    expectPattern(await framesOf(loaded.read({ fromOffset: 0, follow: true })), 0, 300_000);
    loaded.append('stdout', Buffer.from('too late'));
    expect(loaded.end).toBe(300_000);
    buffer.close();
  });

  it('cuts off a torn last record, whatever its length', async () => {
    const buffer = TerminalBuffer.create({ directory });
    buffer.append('stdout', patternAt(0, 100));
    buffer.flush();
    buffer.append('stdout', patternAt(100, 100));
    buffer.close();
    const path = join(directory, readdirSync(directory)[0] ?? '');
    for (const keep of [209, 150, 106, 105]) {
      truncateSync(path, keep);
      const loaded = TerminalBuffer.load({ directory });
      expect(loaded.end).toBe(100);
      expectPattern(await framesOf(loaded.read()), 0, 100);
    }
    appendFileSync(path, Buffer.alloc(4096));
    expect(TerminalBuffer.load({ directory }).end).toBe(100);
    const known = TerminalBuffer.load({ directory }, 200);
    expectPattern(await framesOf(known.read()), 0, 200);
  });

  it('is empty where there is nothing', async () => {
    const loaded = TerminalBuffer.load({ directory });
    expect([loaded.start, loaded.end]).toEqual([0, 0]);
    expect(await framesOf(loaded.read({ follow: true }))).toEqual([]);
  });
});

describe('the decoder', () => {
  it('joins characters cut by frames, each stream by itself', () => {
    const decoder = createOutputDecoder();
    const euro = Buffer.from('€');
    expect(decoder.decode('stdout', euro.subarray(0, 1))).toBe('');
    expect(decoder.decode('stderr', Buffer.from('x'))).toBe('x');
    expect(decoder.decode('stdout', euro.subarray(1))).toBe('€');
    expect(decoder.decode('stdout', euro.subarray(0, 2))).toBe('');
    expect(decoder.end('stdout')).toBe('\ufffd');
    expect(decoder.end('pty')).toBe('');
  });
});
