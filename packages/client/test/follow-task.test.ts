import { ShadowError, type TaskEvent } from '@shadow/protocol';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createRealtimeClient, type FollowState, type RealtimeClient } from '../src/index.ts';
import { AT } from './support/events.ts';
import { FaultyServer, TASK } from './support/faulty-server.ts';

const WAIT = { timeout: 20_000, interval: 5 };
let server: FaultyServer;
let client: RealtimeClient;

beforeEach(async () => {
  server = await FaultyServer.start();
  client = createRealtimeClient({ baseUrl: server.url });
});

afterEach(async () => {
  client.close();
  await server.close();
});

function follow(afterSeq = 0, taskId = TASK) {
  const events: TaskEvent[] = [];
  const states: FollowState[] = [];
  const errors: ShadowError[] = [];
  const stop = client.followTask(taskId, {
    afterSeq,
    onEvents: (batch) => events.push(...batch),
    onState: (state) => states.push(state),
    onError: (error) => errors.push(error),
  });
  return { events, states, errors, stop, seqs: () => events.map(({ seq }) => seq) };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

it('gets what happened after the number it has, then what happens', async () => {
  server.append(5);
  const reader = follow(2);
  await vi.waitFor(() => expect(reader.states.at(-1)).toBe('live'), WAIT);
  server.send(server.append(2));
  await vi.waitFor(() => expect(reader.seqs()).toEqual([3, 4, 5, 6, 7]), WAIT);
});

it('asks again from where it stands when a number is missing', async () => {
  const reader = follow();
  await vi.waitFor(() => expect(reader.states.at(-1)).toBe('live'), WAIT);
  server.send(server.append(3));
  server.append(4);
  server.send(server.append(1));
  await vi.waitFor(() => expect(reader.seqs()).toEqual(range(1, 8)), WAIT);
  expect(server.asked).toEqual([0, 3]);
});

it('goes on from its last number after the server showed it the door', async () => {
  const reader = follow();
  await vi.waitFor(() => expect(reader.states.at(-1)).toBe('live'), WAIT);
  server.send(server.append(3));
  await vi.waitFor(() => expect(reader.events).toHaveLength(3), WAIT);
  server.dismissClients();
  await vi.waitFor(() => expect(reader.states.at(-1)).toBe('offline'), WAIT);
  server.append(2);
  await vi.waitFor(() => expect(reader.seqs()).toEqual(range(1, 5)), WAIT);
  expect(server.asked).toEqual([0, 3]);
});

it('passes over an event type it does not know and goes on after it', async () => {
  server.append(1);
  server.log.push({ type: 'hologram', seq: 2, at: AT, image: '…' });
  server.append(1);
  const reader = follow();
  await vi.waitFor(() => expect(reader.seqs()).toEqual([1, 3]), WAIT);
  expect(server.asked).toEqual([0]);
});

it('serves several followers of one task from one subscription, each from its own number', async () => {
  server.append(4);
  const late = follow(3);
  await vi.waitFor(() => expect(late.states.at(-1)).toBe('live'), WAIT);
  const early = follow(0);
  await vi.waitFor(() => expect(early.seqs()).toEqual(range(1, 4)), WAIT);
  expect(late.seqs()).toEqual([4]);
  late.stop();
  server.send(server.append(1));
  await vi.waitFor(() => expect(early.seqs()).toEqual(range(1, 5)), WAIT);
  expect(late.seqs()).toEqual([4]);
  early.stop();
  early.stop();
  await vi.waitFor(() => expect(server.subscribers(TASK)).toBe(0), WAIT);
});

it('retries a refusal that may pass, and reports one that will not', async () => {
  server.refusals.push(new ShadowError('DATABASE_UNREACHABLE', 'The database is away.'));
  server.append(1);
  const reader = follow();
  await vi.waitFor(() => expect(reader.seqs()).toEqual([1]), WAIT);
  expect(reader.errors).toEqual([]);
  const lost = follow(0, 'no-such-task');
  await vi.waitFor(() => expect(lost.errors[0]?.code).toBe('TASK_NOT_FOUND'), WAIT);
});

it('ends the following of a task that is deleted', async () => {
  const gone: string[] = [];
  client.onTaskDeleted((taskId) => gone.push(taskId));
  const reader = follow();
  await vi.waitFor(() => expect(reader.states.at(-1)).toBe('live'), WAIT);
  server.emit('task:deleted', { taskId: TASK });
  await vi.waitFor(() => expect(reader.errors[0]?.code).toBe('TASK_NOT_FOUND'), WAIT);
  expect(gone).toEqual([TASK]);
});

const Fault = fc.oneof(
  fc.record({ kind: fc.constant('deliver' as const), count: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ kind: fc.constant('lose' as const), count: fc.integer({ min: 1, max: 5 }) }),
  fc.record({
    kind: fc.constant('repeat' as const),
    from: fc.nat(20),
    count: fc.integer({ min: 1, max: 20 }),
  }),
  fc.record({ kind: fc.constant('swap' as const) }),
  fc.record({ kind: fc.constant('refuse' as const) }),
  fc.record({ kind: fc.constant('cut' as const) }),
  fc.record({ kind: fc.constant('settle' as const) }),
);

it('yields every event once and in order, whatever is lost, repeated, swapped, refused or cut off', async () => {
  const property = fc.asyncProperty(
    fc.array(Fault, { maxLength: 12 }),
    fc.nat(4),
    fc.boolean(),
    async (faults, afterSeq, acknowledgeFirst) => {
      server.log.length = 0;
      server.acknowledgeFirst = acknowledgeFirst;
      server.append(afterSeq);
      const reader = follow(afterSeq);
      const isLive = () => vi.waitFor(() => expect(reader.states.at(-1)).toBe('live'), WAIT);
      for (const fault of faults) {
        if (fault.kind === 'deliver') server.send(server.append(fault.count));
        if (fault.kind === 'lose') server.append(fault.count);
        if (fault.kind === 'repeat') server.send(server.log.slice(fault.from, fault.from + fault.count));
        if (fault.kind === 'swap') {
          const [first, second] = [server.append(1), server.append(1)];
          server.send(second);
          server.send(first);
        }
        if (fault.kind === 'refuse') server.refusals.push(new ShadowError('UNAVAILABLE', 'Not now.'));
        if (fault.kind === 'cut') server.cutConnections();
        if (fault.kind === 'settle') await isLive();
      }
      await isLive();
      server.send(server.append(1));
      await vi.waitFor(() => expect(reader.seqs()).toEqual(range(afterSeq + 1, server.log.length)), WAIT);
      reader.stop();
      server.refusals.length = 0;
      expect(reader.errors).toEqual([]);
    },
  );
  await fc.assert(property, { numRuns: 40 });
}, 240_000);
