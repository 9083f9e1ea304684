import { ShadowError } from '@shadow/protocol';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import {
  createRealtimeClient,
  type FollowedFrame,
  type FollowState,
  type RealtimeClient,
} from '../src/index.ts';
import { FaultyServer, PROCESS, TASK } from './support/faulty-server.ts';

const WAIT = { timeout: 20_000, interval: 5 };
let server: FaultyServer;
let client: RealtimeClient;

beforeEach(async () => {
  server = await FaultyServer.start('/shadow');
  client = createRealtimeClient({ baseUrl: `${server.url}/shadow/` });
});

afterEach(async () => {
  client.close();
  await server.close();
});

function follow(fromOffset = 0) {
  const frames: FollowedFrame[] = [];
  const states: FollowState[] = [];
  const errors: ShadowError[] = [];
  const stop = client.followProcess(TASK, PROCESS, {
    fromOffset,
    onFrames: (batch) => frames.push(...batch),
    onState: (state) => states.push(state),
    onError: (error) => errors.push(error),
  });
  const bytes = () => frames.flatMap((frame) => (frame.type === 'data' ? [...frame.data] : []));
  return { frames, states, errors, stop, bytes };
}

function write(count: number): void {
  for (let index = 0; index < count; index += 1) server.output.push(server.output.length % 256);
}

it('gets the bytes from its offset on and the end of the process', async () => {
  write(10);
  const reader = follow(4);
  await vi.waitFor(() => expect(reader.bytes()).toEqual([4, 5, 6, 7, 8, 9]), WAIT);
  server.processEnded = true;
  server.sendFrames([server.endFrame()]);
  await vi.waitFor(() => expect(reader.frames.at(-1)?.type).toBe('end'), WAIT);
});

it('is told which bytes were evicted before it came', async () => {
  write(10);
  server.evicted = 6;
  const reader = follow(2);
  await vi.waitFor(() => expect(reader.bytes()).toEqual([6, 7, 8, 9]), WAIT);
  expect(reader.frames[0]).toEqual({ type: 'gap', fromOffset: 2, toOffset: 6 });
});

it('tries again after an error that may pass and ends with one that does not', async () => {
  write(3);
  const reader = follow();
  await vi.waitFor(() => expect(reader.states.at(-1)).toBe('live'), WAIT);
  server.sendFrames([{ type: 'error', error: new ShadowError('UNAVAILABLE', 'Away.').toOperationError() }]);
  await vi.waitFor(() => expect(server.asked).toEqual([0, 3]), WAIT);
  await vi.waitFor(() => expect(reader.states.at(-1)).toBe('live'), WAIT);
  const lost = new ShadowError('PROCESS_LOST', 'Its host ended.').toOperationError();
  server.sendFrames([{ type: 'error', error: lost }]);
  await vi.waitFor(() => expect(reader.errors.map(({ code }) => code)).toEqual(['PROCESS_LOST']), WAIT);
  expect(reader.bytes()).toEqual([0, 1, 2]);
});

it('yields every byte once and in order, whatever is lost, repeated or cut off', async () => {
  const Fault = fc.oneof(
    fc.record({
      kind: fc.constantFrom('deliver' as const, 'lose' as const),
      count: fc.integer({ min: 1, max: 9 }),
    }),
    fc.record({
      kind: fc.constant('repeat' as const),
      from: fc.nat(30),
      count: fc.integer({ min: 1, max: 30 }),
    }),
    fc.record({ kind: fc.constantFrom('cut' as const, 'settle' as const) }),
  );
  const property = fc.asyncProperty(fc.array(Fault, { maxLength: 10 }), async (faults) => {
    server.output.length = 0;
    server.processEnded = false;
    const reader = follow();
    const isLive = () => vi.waitFor(() => expect(reader.states.at(-1)).toBe('live'), WAIT);
    for (const fault of faults) {
      const before = server.output.length;
      if (fault.kind === 'deliver' || fault.kind === 'lose') write(fault.count);
      if (fault.kind === 'deliver') server.sendFrames(server.frames(before));
      if (fault.kind === 'repeat') server.sendFrames(server.frames(fault.from, fault.from + fault.count));
      if (fault.kind === 'cut') server.cutConnections();
      if (fault.kind === 'settle') await isLive();
    }
    server.processEnded = true;
    server.sendFrames([server.endFrame()]);
    await vi.waitFor(() => expect(reader.frames.at(-1)?.type).toBe('end'), WAIT);
    expect(reader.bytes()).toEqual(server.output);
    reader.stop();
  });
  await fc.assert(property, { numRuns: 25 });
}, 240_000);
