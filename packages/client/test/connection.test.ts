import type { Task } from '@shadow/protocol';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type ConnectionState, createRealtimeClient, type RealtimeClient } from '../src/index.ts';
import { AT, USAGE } from './support/events.ts';
import { FaultyServer, TASK } from './support/faulty-server.ts';

const WAIT = { timeout: 20_000, interval: 5 };
let server: FaultyServer;
const clients: RealtimeClient[] = [];

beforeEach(async () => {
  server = await FaultyServer.start();
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.close();
});

function connect(apiKey?: string) {
  const client = createRealtimeClient({ baseUrl: server.url, apiKey });
  clients.push(client);
  const states: ConnectionState[] = [client.state];
  client.onStateChange((state) => states.push(state));
  return { client, states };
}

it('tells how the connection stands, through a cut to the end', async () => {
  const { client, states } = connect();
  await vi.waitFor(() => expect(client.state).toBe('connected'), WAIT);
  server.cutConnections();
  await vi.waitFor(
    () => expect(states).toEqual(['connecting', 'connected', 'reconnecting', 'connected']),
    WAIT,
  );
  client.close();
  expect(states.at(-1)).toBe('closed');
  await vi.waitFor(() => expect(server.sockets).toBe(0), WAIT);
});

it('says unauthenticated and stays away until it is told to try again', async () => {
  server.apiKey = 'secret';
  const { client, states } = connect('wrong');
  await vi.waitFor(() => expect(client.state).toBe('unauthenticated'), WAIT);
  server.apiKey = 'wrong';
  client.reconnect();
  await vi.waitFor(() => expect(client.state).toBe('connected'), WAIT);
  expect(states).toEqual(['connecting', 'unauthenticated', 'connecting', 'connected']);
});

it('sends its key in the handshake', async () => {
  server.apiKey = 'secret';
  const { client } = connect('secret');
  await vi.waitFor(() => expect(client.state).toBe('connected'), WAIT);
});

it('hears of changed tasks and drops what is no task', async () => {
  const { client } = connect();
  const heard: Task[] = [];
  const stop = client.onTaskChanged((task) => heard.push(task));
  await vi.waitFor(() => expect(client.state).toBe('connected'), WAIT);
  server.emit('task:changed', { task: { id: 'half a task' } });
  server.emit('task:changed', { task: aTask('one') });
  await vi.waitFor(() => expect(heard.map(({ title }) => title)).toEqual(['one']), WAIT);
  stop();
  server.emit('task:changed', { task: aTask('two') });
  const next = new Promise((resolve) => client.onTaskDeleted(resolve));
  server.emit('task:deleted', { taskId: TASK });
  await next;
  expect(heard).toHaveLength(1);
});

function aTask(title: string): Task {
  return {
    id: TASK,
    title,
    status: 'running',
    repository: 'sample',
    baseBranch: 'main',
    branch: null,
    baseCommit: null,
    headCommit: null,
    model: 'scripted/demo',
    permissionMode: 'auto',
    budgetUsd: null,
    usage: USAGE,
    additions: 0,
    deletions: 0,
    lastSeq: 1,
    error: null,
    createdAt: AT,
    updatedAt: AT,
  };
}
