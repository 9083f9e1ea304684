import * as z from 'zod';
import { ErrorBody } from './errors.ts';
import type { TaskEvent } from './events.ts';
import { ProcessId, ProcessInfo } from './operations/process.ts';
import type { Task } from './tasks.ts';

/** Commands that a client sends over the socket; each is answered by an acknowledgement. */
export const SubscribeTask = z.object({
  taskId: z.string().min(1).max(64),
  /** Number of the last event the client has; 0 for none. It gets exactly the rest, in order. */
  afterSeq: z.int().min(0),
});
export type SubscribeTask = z.infer<typeof SubscribeTask>;

export const UnsubscribeTask = z.object({ taskId: z.string().min(1).max(64) });
export type UnsubscribeTask = z.infer<typeof UnsubscribeTask>;

/** Follow a process's output from an absolute byte offset. */
export const FollowProcess = z.object({
  taskId: z.string().min(1).max(64),
  processId: ProcessId,
  fromOffset: z.int().min(0),
});
export type FollowProcess = z.infer<typeof FollowProcess>;
export const UnfollowProcess = FollowProcess.pick({ taskId: true, processId: true });
export type UnfollowProcess = z.infer<typeof UnfollowProcess>;

export const Ack = z.union([
  z.object({ success: z.literal(true) }),
  z.object({ success: z.literal(false) }).extend(ErrorBody.shape),
]);
export type Ack = z.infer<typeof Ack>;

/** Output of a process as it goes over the socket; data is binary. */
export const ProcessOutput = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('data'),
    offset: z.int(),
    stream: z.enum(['stdout', 'stderr', 'pty']),
    data: z.instanceof(Uint8Array),
  }),
  z.object({ type: z.literal('gap'), fromOffset: z.int(), toOffset: z.int() }),
  z.object({ type: z.literal('end'), offset: z.int(), process: ProcessInfo }),
  z.object({ type: z.literal('error') }).extend(ErrorBody.shape),
]);
export type ProcessOutput = z.infer<typeof ProcessOutput>;

/** socket.io's event map, client to server. */
export interface ClientToServer {
  'task:subscribe': (command: SubscribeTask, ack: (answer: Ack) => void) => void;
  'task:unsubscribe': (command: UnsubscribeTask, ack: (answer: Ack) => void) => void;
  'process:follow': (command: FollowProcess, ack: (answer: Ack) => void) => void;
  'process:unfollow': (command: UnfollowProcess, ack: (answer: Ack) => void) => void;
}

/** socket.io's event map, server to client. Events of a task come in batches, ordered by seq. */
export interface ServerToClient {
  'task:events': (batch: { taskId: string; events: TaskEvent[] }) => void;
  /** A task of this user was created or its summary changed: what the task list shows. */
  'task:changed': (change: { task: Task }) => void;
  'task:deleted': (change: { taskId: string }) => void;
  'process:output': (output: { taskId: string; processId: string; frames: ProcessOutput[] }) => void;
}
