import { createRealtimeClient } from '@shadow/client';
import { type ExecutionStatus, ShadowError, type TaskEvent, type TaskStatus } from '@shadow/protocol';
import type { ServerConnection } from './server/with-server.ts';

/** Milliseconds without a connection after which a server counts as gone. */
const OFFLINE_LIMIT_MS = 120_000;

/** Where a task came to rest. */
export interface RestState {
  readonly status: TaskStatus;
  /** How the last turn ended; null when none did. */
  readonly lastTurn: ExecutionStatus | null;
}

const AT_REST: ReadonlySet<TaskStatus> = new Set([
  'ready-for-review',
  'stopped',
  'failed',
  'interrupted',
  'archived',
]);

/** Whether nothing more happens in a task of this status until somebody asks for it. */
export function isAtRest(status: TaskStatus): boolean {
  return AT_REST.has(status);
}

export interface FollowToRestOptions {
  taskId: string;
  /** Told of each event once, in order. */
  onEvent: (event: TaskEvent) => void;
  /** Told of a lost and a found connection. */
  onConnection?: (state: 'lost' | 'back') => void;
  /** Events up to here are history: a status among them says nothing of the present. */
  restAfterSeq: number;
  /** Aborting ends the following with CANCELLED. */
  signal?: AbortSignal;
}

/**
 * Hands on all of a task's events, from the first, until it comes to rest.
 *
 * @throws ShadowError TASK_NOT_FOUND when it is deleted, UNAUTHENTICATED when the key is refused, UNAVAILABLE when the
 *   server is gone for good
 */
export async function followToRest(
  { access, started }: ServerConnection,
  options: FollowToRestOptions,
): Promise<RestState> {
  const realtime = createRealtimeClient({ baseUrl: access.url, apiKey: access.apiKey });
  const end = Promise.withResolvers<RestState>();
  const fail = (code: 'UNAVAILABLE' | 'UNAUTHENTICATED' | 'CANCELLED', message: string) =>
    end.reject(new ShadowError(code, message));
  let lastTurn: ExecutionStatus | null = null;
  const onEvent = (event: TaskEvent) => {
    options.onEvent(event);
    if (event.type === 'turn-finished') lastTurn = event.status;
    if (event.type !== 'status' || event.seq < options.restAfterSeq || !isAtRest(event.status)) return;
    end.resolve({ status: event.status, lastTurn });
  };
  realtime.followTask(options.taskId, {
    afterSeq: 0,
    onEvents: (events) => {
      for (const event of events) onEvent(event);
    },
    onError: end.reject,
  });
  let offline: NodeJS.Timeout | undefined;
  realtime.onStateChange((state) => {
    clearTimeout(offline);
    if (state === 'unauthenticated') fail('UNAUTHENTICATED', 'The server does not accept this API key.');
    if (state === 'connected' && offline !== undefined) options.onConnection?.('back');
    offline = undefined;
    if (state !== 'reconnecting') return;
    options.onConnection?.('lost');
    const gone = () =>
      fail('UNAVAILABLE', 'The server is gone; the task keeps what it did. Start it and see "shadow logs".');
    offline = setTimeout(gone, OFFLINE_LIMIT_MS);
  });
  void started?.exited.then(() =>
    fail('UNAVAILABLE', 'The server that was started for this command has ended.'),
  );
  const onAbort = () => fail('CANCELLED', 'The following was cancelled.');
  options.signal?.addEventListener('abort', onAbort, { once: true });
  if (options.signal?.aborted) onAbort();
  try {
    return await end.promise;
  } finally {
    clearTimeout(offline);
    options.signal?.removeEventListener('abort', onAbort);
    realtime.close();
  }
}
