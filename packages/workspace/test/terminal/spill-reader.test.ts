import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type BufferFrame, SpillReader, TerminalBuffer } from '../../src/terminal/index.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'shadow-spill-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Bytes that tell their own offset. */
function bytesAt(offset: number, length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, index) => (offset + index) % 251));
}

/** Frames meet without a hole, and every byte is the one of its offset. */
function expectTrue(frames: readonly BufferFrame[], from: number, to: number): void {
  let at = from;
  for (const frame of frames) {
    if (frame.type === 'gap') {
      expect(frame.fromOffset).toBe(at);
      at = frame.toOffset;
    } else {
      expect(frame.offset).toBe(at);
      expect(Buffer.compare(Buffer.from(frame.data), bytesAt(at, frame.data.length))).toBe(0);
      at += frame.data.length;
    }
  }
  expect(at).toBe(to);
}

async function all(reader: SpillReader, from: number, to: number): Promise<BufferFrame[]> {
  const frames: BufferFrame[] = [];
  for await (const frame of reader.read(from, to)) frames.push(frame);
  return frames;
}

describe('a reader of spill files', () => {
  it('gives what was announced while the writer goes on, piece after piece', async () => {
    const buffer = TerminalBuffer.create({ directory, capacityBytes: 64 * 1024 });
    const reader = new SpillReader(directory);
    for (let round = 0, end = 0; round < 40; round += 1) {
      buffer.append(round % 3 === 0 ? 'stderr' : 'stdout', bytesAt(end, 1000 + round * 37));
      buffer.flush();
      const frames = await all(reader, end, buffer.end);
      expect(frames.every((frame) => frame.type === 'data')).toBe(true);
      expectTrue(frames, end, buffer.end);
      end = buffer.end;
    }
    await reader.close();
  });

  it('tells the gap of what was evicted before it came', async () => {
    const buffer = TerminalBuffer.create({ directory, capacityBytes: 8 * 1024 });
    for (let written = 0; written < 100_000; written += 500) {
      buffer.append('stdout', bytesAt(written, 500));
      buffer.flush();
    }
    const reader = new SpillReader(directory);
    const frames = await all(reader, 0, buffer.end);
    expect(frames[0]).toMatchObject({ type: 'gap', fromOffset: 0, toOffset: buffer.start });
    expectTrue(frames, 0, buffer.end);
    await reader.close();
  });

  it('goes on reading a segment that is evicted under it', async () => {
    const buffer = TerminalBuffer.create({ directory, capacityBytes: 8 * 1024 });
    buffer.append('stdout', bytesAt(0, 900));
    buffer.flush();
    const reader = new SpillReader(directory);
    const frames = reader.read(0, 900);
    const first = await frames.next();
    expect(first.value).toMatchObject({ type: 'data', offset: 0 });
    for (let written = 900; written < 60_000; written += 500) {
      buffer.append('stdout', bytesAt(written, 500));
      buffer.flush();
    }
    const rest: BufferFrame[] = first.value === undefined ? [] : [first.value];
    for await (const frame of frames) rest.push(frame);
    expectTrue(rest, 0, 900);
    // The file at hand is read to its end though it has no name any more; then comes the gap.
    const later = await all(reader, 900, buffer.end);
    expect(later.slice(0, 2)).toMatchObject([{ type: 'data' }, { type: 'gap', toOffset: buffer.start }]);
    expectTrue(later, 900, buffer.end);
    await reader.close();
  });

  it('is told the same as a reader beside the writer, however the output comes in pieces', async () => {
    const pieces = fc.array(
      fc.record({
        stream: fc.constantFrom('stdout' as const, 'stderr' as const),
        length: fc.integer({ min: 1, max: 3000 }),
      }),
      { minLength: 1, maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(pieces, fc.integer({ min: 0, max: 2000 }), async (runs, from) => {
        const own = await mkdtemp(join(directory, 'case-'));
        const buffer = TerminalBuffer.create({ directory: own, capacityBytes: 16 * 1024 });
        for (const { stream, length } of runs) {
          buffer.append(stream, bytesAt(buffer.end, length));
          buffer.flush();
        }
        const start = Math.min(from, buffer.end);
        const reader = new SpillReader(own);
        expectTrue(await all(reader, start, buffer.end), start, buffer.end);
        await reader.close();
      }),
      { numRuns: process.env.SHADOW_SOAK === '1' ? 2000 : 100, seed: 7 },
    );
  });
});
