import { join } from 'node:path';
import { createRealtimeClient } from '@shadow/client';
import type { TaskEvent } from '@shadow/protocol';
import { type RunningServer, startServer } from '../apps/server/test/support/running-server.ts';
import { type Measurement, median, percentile } from './support/measurement.ts';
import { apiKeyOf, readMetric } from './support/metrics.ts';
import { temporaryDirectory } from './support/place.ts';

export const name = 'One task at 200 events a second and more, followed by 50 clients';

/** Calls of one step; each is three events and six statements, as those of any agent are. */
const CALLS_A_STEP = 10;
const PAUSE_MS = 40;

function prompt(steps: number): string {
  const call = (step: number, number: number) => ({
    tool: 'todoWrite',
    input: { items: [{ text: `step ${step}, call ${number}`, status: 'pending' }] },
  });
  const all = Array.from({ length: steps }, (_, step) => ({
    delayMs: PAUSE_MS,
    calls: Array.from({ length: CALLS_A_STEP }, (_, number) => call(step, number)),
  }));
  return `\`\`\`shadow-script\n${JSON.stringify({ steps: [...all, { text: 'Done.' }] })}\n\`\`\``;
}

export async function run({ quick }: { quick: boolean }): Promise<Measurement[]> {
  const clients = quick ? 10 : 50;
  const steps = quick ? 15 : 100;
  await using directory = await temporaryDirectory();
  await using server = await startServer(join(directory.path, 'home'));
  const apiKey = await apiKeyOf(server);
  const roundTrips = await measureRoundTrips(server, quick ? 50 : 200);
  await readMetric(server, apiKey, 'nodejs_eventloop_lag_p99_seconds');
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const idleLag = await readMetric(server, apiKey, 'nodejs_eventloop_lag_p99_seconds');
  const body = { repository: 'sample', prompt: prompt(steps), model: 'scripted/demo' };
  const { id } = await server.api.createTask({ body });
  const followers = Array.from({ length: clients }, () => follow(server, apiKey, id));
  const started = performance.now();
  await Promise.all(followers.map((follower) => follower.done));
  const seconds = (performance.now() - started) / 1000;
  const lag = await readMetric(server, apiKey, 'nodejs_eventloop_lag_p99_seconds');
  const { lastSeq } = await server.api.getTask({ params: { taskId: id } });
  const wrong = followers.filter(({ events }) => !isWhole(events, lastSeq)).length;
  const delays = followers.flatMap((follower) => follower.delays);
  for (const follower of followers) follower.close();
  const request = { name: 'an HTTP request for the task', value: median(roundTrips) };
  return [
    {
      what: 'clients that missed or doubled an event',
      value: wrong,
      unit: '',
      limit: { of: 'value', atMost: 0 },
    },
    {
      what: `events a second, to each of ${clients} clients`,
      value: lastSeq / seconds,
      unit: '/s',
      limit: { of: 'value', atLeast: 200 },
    },
    { what: 'event stored → at the client, p50', value: median(delays), unit: 'ms', baseline: request },
    {
      what: 'event stored → at the client, p99',
      value: percentile(delays, 0.99),
      unit: 'ms',
      baseline: request,
    },
    {
      what: "server's event-loop delay, p99",
      value: lag * 1000,
      unit: 'ms',
      baseline: { name: 'idle', value: idleLag * 1000 },
      limit: { of: 'value', atMost: 50 },
    },
  ];
}

interface Follower {
  events: TaskEvent[];
  /** Milliseconds from the event's time in the database to its arrival; both are this machine's clock. */
  delays: number[];
  done: Promise<void>;
  close(): void;
}

function follow(server: RunningServer, apiKey: string, taskId: string): Follower {
  const realtime = createRealtimeClient({ baseUrl: server.url, apiKey });
  const events: TaskEvent[] = [];
  const delays: number[] = [];
  let live = false;
  const done = new Promise<void>((resolve) => {
    realtime.followTask(taskId, {
      afterSeq: 0,
      onState: (state) => {
        live = state === 'live';
      },
      onEvents: (batch) => {
        const now = Date.now();
        events.push(...batch);
        if (live) delays.push(...batch.map((event) => now - Date.parse(event.at)));
        if (batch.some((event) => event.type === 'status' && event.status === 'ready-for-review')) resolve();
      },
    });
  });
  return { events, delays, done, close: () => realtime.close() };
}

function isWhole(events: TaskEvent[], lastSeq: number): boolean {
  return events.length === lastSeq && events.every((event, index) => event.seq === index + 1);
}

async function measureRoundTrips(server: RunningServer, count: number): Promise<number[]> {
  const samples: number[] = [];
  for (let round = 0; round < count; round += 1) {
    const startedAt = performance.now();
    await server.api.listTasks();
    samples.push(performance.now() - startedAt);
  }
  return samples;
}
