import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { errorMessage } from './errors.ts';
import type { DatabaseLog } from './log.ts';
import { RetryPause } from './retry-pause.ts';

/** Milliseconds between looks whether the connection still lives: one that is cut in silence says nothing by itself. */
const CHECK_EVERY_MS = 15_000;
const ANSWER_WITHIN_MS = 10_000;

export interface ListenOptions {
  /** Of the database itself or a pooler in session mode; not for logs. */
  readonly connectionString: string;
  /** A plain identifier in lower case. */
  readonly channel: string;
  readonly log: DatabaseLog;
  /** Hears every notification from `onListening` on, until the connection is lost. */
  onNotification(payload: string): void;
  /** Called whenever the connection was seen to live. */
  onAlive?(): void;
  /** Called each time that listening begins: what was notified before may have been missed. */
  onListening(): void;
}

/** A connection that listens, and is made again whenever it is lost. */
export interface Listening {
  /** Ends it; safe to call twice. */
  close(): Promise<void>;
}

/** Listens to notifications of PostgreSQL on a connection of its own, in the background, until it is closed. */
export function listenForNotifications(options: ListenOptions): Listening {
  const closed = new AbortController();
  const done = keepListening(options, closed.signal);
  return {
    close: () => {
      closed.abort();
      return done;
    },
  };
}

async function keepListening(options: ListenOptions, closed: AbortSignal): Promise<void> {
  const pause = new RetryPause();
  while (!closed.aborted) {
    try {
      await listenOnce(options, closed, () => pause.reset());
    } catch (error) {
      if (closed.aborted) return;
      const { channel, log } = options;
      log.warn({ channel, reason: errorMessage(error) }, 'cannot hear notifications, trying again');
    }
    await pause.wait(closed);
  }
}

/** Resolves when the connection is gone. @throws when it cannot be made or does not answer any more */
async function listenOnce(options: ListenOptions, closed: AbortSignal, onBegun: () => void): Promise<void> {
  const { connectionString, channel, onNotification, onListening, onAlive } = options;
  const client = new pg.Client({
    connectionString,
    application_name: `shadow ${channel}`,
    connectionTimeoutMillis: ANSWER_WITHIN_MS,
    query_timeout: ANSWER_WITHIN_MS,
    keepAlive: true,
  });
  const gone = new AbortController();
  client.on('error', () => gone.abort());
  client.on('end', () => gone.abort());
  client.on('notification', ({ payload }) => onNotification(payload ?? ''));
  const over = AbortSignal.any([gone.signal, closed]);
  try {
    await client.connect();
    await client.query(`SET statement_timeout = 0; LISTEN ${channel}`);
    if (over.aborted) return;
    onBegun();
    onListening();
    do {
      onAlive?.();
    } while ((await passes(CHECK_EVERY_MS, over)) && (await client.query('SELECT 1')));
  } finally {
    void client.end().catch(() => undefined);
  }
}

/** Waits. @returns false when the signal aborts meanwhile */
function passes(ms: number, signal: AbortSignal): Promise<boolean> {
  return delay(ms, true, { signal, ref: false }).catch(() => false);
}
