import { ProcessOutput, ShadowError, Task } from '@shadow/protocol';
import * as z from 'zod';
import { Connection } from './connection.ts';
import { Feed } from './feed.ts';
import type { ConnectionState, FollowProcessOptions, FollowTaskOptions, Unfollow } from './follow.ts';
import { guard, ProcessFollower, TaskFollower } from './followers.ts';
import { parseEvents, type ReadEvent } from './parse-events.ts';

export interface RealtimeClientOptions {
  /** The server's origin with its BASE_PATH; in a browser the path alone (`''` or `/shadow`). */
  baseUrl: string;
  /** Sent in the handshake. Browsers have none: their session cookie goes along by itself. */
  apiKey?: string | undefined;
}

/** What happens on the server, as it happens. One socket, opened at once and kept open. */
export interface RealtimeClient {
  readonly state: ConnectionState;
  onStateChange(listener: (state: ConnectionState) => void): Unfollow;
  /** Every event of a task after a number, exactly once and in order, across reconnects. */
  followTask(taskId: string, options: FollowTaskOptions): Unfollow;
  /** A process's output from a byte offset, each byte once and in order, across reconnects. */
  followProcess(taskId: string, processId: string, options: FollowProcessOptions): Unfollow;
  /** A task of this user was created or its summary changed. Changes during a lost connection are not told. */
  onTaskChanged(listener: (task: Task) => void): Unfollow;
  onTaskDeleted(listener: (taskId: string) => void): Unfollow;
  /** Tries again at once, also after `unauthenticated`. */
  reconnect(): void;
  close(): void;
}

const Batch = z.object({ taskId: z.string(), events: z.array(z.unknown()) });
const Changed = z.object({ task: Task });
const Deleted = z.object({ taskId: z.string() });
const Output = z.object({ taskId: z.string(), processId: z.string(), frames: z.array(z.unknown()) });

/** Opens the socket and keeps it; see RealtimeClient. */
export function createRealtimeClient(options: RealtimeClientOptions): RealtimeClient {
  const connection = new Connection(options);
  const tasks = new Map<string, Feed<ReadEvent>>();
  const processes = new Map<string, Feed<ProcessOutput>>();
  const feeds = () => [...tasks.values(), ...processes.values()];
  const changed = new Set<(task: Task) => void>();
  const deleted = new Set<(taskId: string) => void>();

  connection.onConnected(() => {
    for (const feed of feeds()) feed.connected();
  });
  connection.onDisconnected(() => {
    for (const feed of feeds()) feed.disconnected();
  });
  connection.on('task:events', Batch, (batch) => tasks.get(batch.taskId)?.receive(parseEvents(batch.events)));
  connection.on('process:output', Output, (output) =>
    processes.get(processKey(output.taskId, output.processId))?.receive(parseFrames(output.frames)),
  );
  connection.on('task:changed', Changed, ({ task }) => tell(changed, task));
  connection.on('task:deleted', Deleted, ({ taskId }) => {
    tell(deleted, taskId);
    tasks.get(taskId)?.fail(new ShadowError('TASK_NOT_FOUND', 'This task was deleted.'));
    tasks.delete(taskId);
  });

  return {
    get state() {
      return connection.state;
    },
    onStateChange: (listener) => connection.onStateChange(listener),
    followTask: (taskId, follow) => {
      const channel = connection.channel(
        (afterSeq) => ['task:subscribe', { taskId, afterSeq }],
        ['task:unsubscribe', { taskId }],
      );
      return join(tasks, taskId, () => new Feed(channel), new TaskFollower(follow));
    },
    followProcess: (taskId, processId, follow) => {
      const channel = connection.channel(
        (fromOffset) => ['process:follow', { taskId, processId, fromOffset }],
        ['process:unfollow', { taskId, processId }],
      );
      const key = processKey(taskId, processId);
      return join(processes, key, () => new Feed(channel), new ProcessFollower(follow));
    },
    onTaskChanged: (listener) => listen(changed, listener),
    onTaskDeleted: (listener) => listen(deleted, listener),
    reconnect: () => connection.reconnect(),
    close: () => connection.close(),
  };
}

/** Adds a follower to the feed of that key, making the feed for the first and dropping it after the last. */
function join<Item>(
  feeds: Map<string, Feed<Item>>,
  key: string,
  make: () => Feed<Item>,
  follower: Parameters<Feed<Item>['add']>[0],
): Unfollow {
  const feed = feeds.get(key) ?? make();
  feeds.set(key, feed);
  feed.add(follower);
  return () => {
    feed.remove(follower);
    if (feed.isEmpty && feeds.get(key) === feed) feeds.delete(key);
  };
}

function parseFrames(raw: readonly unknown[]): ProcessOutput[] {
  return raw.flatMap((item) => {
    const parsed = ProcessOutput.safeParse(binary(item));
    return parsed.success ? [parsed.data] : [];
  });
}

/** socket.io hands binary data to browsers as ArrayBuffer, in Node as Buffer. */
function binary(frame: unknown): unknown {
  const held = z.looseObject({ data: z.instanceof(ArrayBuffer) }).safeParse(frame);
  return held.success ? { ...held.data, data: new Uint8Array(held.data.data) } : frame;
}

function processKey(taskId: string, processId: string): string {
  return `${taskId} ${processId}`;
}

function listen<Value>(listeners: Set<(value: Value) => void>, listener: (value: Value) => void): Unfollow {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell<Value>(listeners: Set<(value: Value) => void>, value: Value): void {
  for (const listener of [...listeners]) guard(() => listener(value));
}
