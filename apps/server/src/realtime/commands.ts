import {
  type Ack,
  FollowProcess,
  ShadowError,
  SubscribeTask,
  toShadowError,
  UnfollowProcess,
  UnsubscribeTask,
} from '@shadow/protocol';
import type { Logger } from 'pino';
import * as z from 'zod';
import type { ProcessFollows } from './process-follows.ts';
import type { TaskSubscriptions } from './task-subscriptions.ts';
import type { RealtimeSocket } from './types.ts';

interface Handlers {
  readonly subscriptions: TaskSubscriptions;
  readonly follows: ProcessFollows;
  readonly logger: Logger;
}

/** Takes a socket's commands: each is parsed, done and acknowledged, with the error when it failed. */
export function acceptCommands(socket: RealtimeSocket, handlers: Handlers): void {
  const { subscriptions, follows } = handlers;
  const on = commandsOf(socket, handlers.logger);
  on('task:subscribe', SubscribeTask, (command) => subscriptions.subscribe(socket, command));
  on('task:unsubscribe', UnsubscribeTask, async ({ taskId }) => subscriptions.unsubscribe(socket, taskId));
  on('process:follow', FollowProcess, (command) => follows.follow(socket, command));
  on('process:unfollow', UnfollowProcess, async (command) => follows.unfollow(socket, command));
}

function commandsOf(socket: RealtimeSocket, logger: Logger) {
  return <Schema extends z.ZodType>(
    name: 'task:subscribe' | 'task:unsubscribe' | 'process:follow' | 'process:unfollow',
    schema: Schema,
    handle: (command: z.output<Schema>) => Promise<void>,
  ) => {
    // What a client sends may be anything: also something other than an acknowledgement function.
    socket.on(name, (raw: unknown, ack: unknown) => {
      const answer = (result: Ack) => (typeof ack === 'function' ? ack(result) : undefined);
      run(schema, raw, handle).then(
        () => answer({ success: true }),
        (thrown: unknown) => {
          const error = toShadowError(thrown);
          if (error.status >= 500) logger.error({ command: name, err: error }, 'socket command failed');
          answer({ success: false, error: error.toOperationError() });
        },
      );
    });
  };
}

async function run<Schema extends z.ZodType>(
  schema: Schema,
  raw: unknown,
  handle: (command: z.output<Schema>) => Promise<void>,
): Promise<void> {
  const parsed = schema.safeParse(raw);
  if (!parsed.success) {
    throw new ShadowError('VALIDATION_FAILED', z.prettifyError(parsed.error), {
      details: {
        issues: parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message })),
      },
    });
  }
  await handle(parsed.data);
}
