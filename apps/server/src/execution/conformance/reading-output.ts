import { unwrap } from '@shadow/protocol';
import { expect, it } from 'vitest';
import { expectFailure, framesOf, outputOf, run, start, untilWritten } from './expectations.ts';
import type { SharedSubject } from './shared-subject.ts';

/** `readOutput`: by absolute offset, of running and ended processes, with gaps declared. */
export function readingOutput(shared: SharedSubject): void {
  offsets(shared);
  following(shared);
  gaps(shared);
}

async function writer(shared: SharedSubject, command = 'echo 0123456789'): Promise<string> {
  return (await run(shared.executor, command)).process.processId;
}

function offsets(shared: SharedSubject): void {
  it('reads all of it from the beginning, then the end with the process', async () => {
    const processId = await writer(shared);
    const frames = await framesOf(shared.executor.readOutput({ processId }));
    expect(outputOf(frames).toString()).toBe('0123456789\n');
    expect(frames.at(-1)).toMatchObject({
      type: 'end',
      offset: 11,
      process: { processId, state: 'exited', outputStart: 0, outputEnd: 11 },
    });
  });

  it('reads from any offset', async () => {
    const processId = await writer(shared);
    const frames = await framesOf(shared.executor.readOutput({ processId, fromOffset: 4 }));
    expect(outputOf(frames, 4).toString()).toBe('456789\n');
  });

  it('reads as many bytes as it is told and says where it stopped', async () => {
    const processId = await writer(shared);
    const frames = await framesOf(shared.executor.readOutput({ processId, fromOffset: 2, maxBytes: 3 }));
    expect(outputOf(frames, 2).toString()).toBe('234');
    expect(frames.at(-1)).toMatchObject({ type: 'end', offset: 5 });
  });

  it('reads the same again piece by piece', async () => {
    const processId = await writer(shared, 'echo one; echo two >&2; echo three');
    const whole = outputOf(await framesOf(shared.executor.readOutput({ processId })));
    const pieces: Buffer[] = [];
    for (let offset = 0; offset < whole.length; offset += 4) {
      const frames = await framesOf(
        shared.executor.readOutput({ processId, fromOffset: offset, maxBytes: 4 }),
      );
      pieces.push(outputOf(frames, offset));
    }
    expect(Buffer.concat(pieces)).toEqual(whole);
  });

  it('reads nothing but the end from the end', async () => {
    const processId = await writer(shared);
    const frames = await framesOf(shared.executor.readOutput({ processId, fromOffset: 11 }));
    expect(frames).toMatchObject([{ type: 'end', offset: 11 }]);
  });

  it('says of each piece which stream it came by', async () => {
    const processId = await writer(shared, 'echo out; echo err >&2');
    const frames = await framesOf(shared.executor.readOutput({ processId }));
    const of = (stream: string) =>
      frames.flatMap((frame) =>
        frame.type === 'data' && frame.stream === stream ? [Buffer.from(frame.data)] : [],
      );
    expect(Buffer.concat(of('stdout')).toString()).toBe('out\n');
    expect(Buffer.concat(of('stderr')).toString()).toBe('err\n');
  });

  it('ends at the present end of a process that runs, without waiting', async () => {
    const { processId } = await start(shared.executor, { command: 'echo now; sleep 300' });
    await untilWritten(shared.executor, processId, 'now');
    const frames = await framesOf(shared.executor.readOutput({ processId }));
    expect(outputOf(frames).toString()).toBe('now\n');
    expect(frames.at(-1)).toMatchObject({ type: 'end', offset: 4, process: { state: 'running' } });
    unwrap(await shared.executor.signalProcess({ processId, signal: 'SIGKILL' }));
  });

  it('carries any byte', async () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, value) => value));
    const at = await shared.place({ f: bytes });
    const { process } = await run(shared.executor, { command: 'cat f', cwd: at });
    const frames = await framesOf(shared.executor.readOutput({ processId: process.processId }));
    expect(outputOf(frames)).toEqual(bytes);
  });

  it('carries megabytes without loss, in order', async () => {
    const text = Array.from({ length: 500_000 }, (_, index) => `${index}`).join('\n');
    const at = await shared.place({ f: text });
    const { process } = await run(shared.executor, { command: 'cat f', cwd: at });
    const frames = await framesOf(shared.executor.readOutput({ processId: process.processId }));
    expect(outputOf(frames).toString() === text).toBe(true);
  });

  it('refuses an offset below zero: VALIDATION_FAILED', async () => {
    const processId = await writer(shared);
    const frames = await framesOf(shared.executor.readOutput({ processId, fromOffset: -1 }));
    expect(frames).toMatchObject([{ type: 'error', error: { code: 'VALIDATION_FAILED' } }]);
  });
}

function following(shared: SharedSubject): void {
  it('follows a process as it writes, to its end', async () => {
    const { processId } = await start(shared.executor, { command: 'cat; exit 3' });
    const following = framesOf(shared.executor.readOutput({ processId, follow: true }));
    unwrap(await shared.executor.writeStdin({ processId, data: 'a\n' }));
    await untilWritten(shared.executor, processId, 'a\n');
    unwrap(await shared.executor.writeStdin({ processId, data: 'b\n', end: true }));
    const frames = await following;
    expect(outputOf(frames).toString()).toBe('a\nb\n');
    expect(frames.at(-1)).toMatchObject({ type: 'end', process: { state: 'exited', exitCode: 3 } });
  });

  it('gives several followers the same', async () => {
    const { processId } = await start(shared.executor, { command: 'cat' });
    const followers = Array.from({ length: 3 }, () =>
      framesOf(shared.executor.readOutput({ processId, follow: true })),
    );
    for (const data of ['one\n', 'two\n', 'three\n']) {
      unwrap(await shared.executor.writeStdin({ processId, data }));
    }
    unwrap(await shared.executor.writeStdin({ processId, data: '', end: true }));
    for (const frames of await Promise.all(followers)) {
      expect(outputOf(frames).toString()).toBe('one\ntwo\nthree\n');
    }
  });

  it('goes on after a break where the reader left off', async () => {
    const { processId } = await start(shared.executor, { command: 'cat' });
    unwrap(await shared.executor.writeStdin({ processId, data: 'first\n' }));
    await untilWritten(shared.executor, processId, 'first\n');
    unwrap(await shared.executor.writeStdin({ processId, data: 'second\n', end: true }));
    const rest = await framesOf(shared.executor.readOutput({ processId, fromOffset: 6, follow: true }));
    expect(outputOf(rest, 6).toString()).toBe('second\n');
  });

  it('stops when its signal aborts and leaves the process alone: CANCELLED', async () => {
    const { processId } = await start(shared.executor, { command: 'echo up; cat' });
    const abort = new AbortController();
    const frames = [];
    for await (const frame of shared.executor.readOutput(
      { processId, follow: true },
      { signal: abort.signal },
    )) {
      frames.push(frame);
      abort.abort();
    }
    expect(frames.at(-1)).toMatchObject({ type: 'error', error: { code: 'CANCELLED' } });
    unwrap(await shared.executor.writeStdin({ processId, data: 'alive', end: true }));
    await untilWritten(shared.executor, processId, 'alive');
  });

  it('is not disturbed by a reader that leaves early', async () => {
    const { processId } = await start(shared.executor, { command: 'echo up; cat' });
    for await (const frame of shared.executor.readOutput({ processId, follow: true })) {
      if (frame.type === 'data') break;
    }
    unwrap(await shared.executor.writeStdin({ processId, data: 'rest', end: true }));
    await untilWritten(shared.executor, processId, 'rest');
  });
}

function gaps(shared: SharedSubject): void {
  it('says which bytes are gone when there was more than is kept', async () => {
    const at = await shared.place({ f: Buffer.alloc(6 * 1024 * 1024, 0x78) });
    const { process } = await run(shared.executor, { command: 'cat f f; echo; echo last', cwd: at });
    expect(process.outputEnd).toBe(12 * 1024 * 1024 + 6);
    expect(process.outputStart).toBeGreaterThan(0);
    const request = { processId: process.processId, fromOffset: 0 };
    const frames = await framesOf(shared.executor.readOutput(request));
    expect(frames[0]).toMatchObject({ type: 'gap', fromOffset: 0, toOffset: process.outputStart });
    const kept = outputOf(frames);
    expect(kept.length).toBe(process.outputEnd - process.outputStart);
    expect(kept.subarray(-6).toString()).toBe('\nlast\n');
    unwrap(await shared.executor.deleteFile({ path: at, recursive: true }));
  });

  it('begins at the oldest byte that is kept when no offset is asked for', async () => {
    const at = await shared.place({ f: Buffer.alloc(6 * 1024 * 1024, 0x78) });
    const { process } = await run(shared.executor, { command: 'cat f f', cwd: at });
    const frames = await framesOf(shared.executor.readOutput({ processId: process.processId, maxBytes: 10 }));
    expect(frames[0]).toMatchObject({ type: 'data', offset: process.outputStart });
    expectFailure(await shared.executor.getProcess({ processId: '/' }), 'VALIDATION_FAILED');
  });
}
