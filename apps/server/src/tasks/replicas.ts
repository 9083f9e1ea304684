import { randomUUID } from 'node:crypto';
import { type Listening, listenForNotifications, type PrismaClient } from '@shadow/db';
import type { Logger } from 'pino';
import * as z from 'zod';

const CHANNEL = 'shadow_replicas';
/** Milliseconds in which what may be told late is gathered: that of all tasks goes out in one statement. */
const GATHER_MS = 20;

/** What servers on one database tell each other. Small: whatever it is about is read from the database. */
const Message = z.discriminatedUnion('type', [
  /** Events were stored. `listed`: among them some that change what the task list shows. */
  z.object({ type: z.literal('events'), taskId: z.string(), lastSeq: z.int(), listed: z.boolean() }),
  z.object({ type: z.literal('deleted'), taskId: z.string(), userId: z.string() }),
  /** Somebody asked that a running turn be stopped; its row says so, too. */
  z.object({ type: z.literal('stop'), executionId: z.string() }),
  /** A turn waits that the server which queued it has no room for. */
  z.object({ type: z.literal('queued') }),
]);
const Envelope = z.object({ origin: z.string(), message: Message });

export type ReplicaMessage = z.infer<typeof Message>;
/** What is heard: a message of another server, or that one listens again after having missed some since a time. */
export type ReplicaNews = ReplicaMessage | { type: 'listening'; missedSince: Date };

/** Runs one statement: Prisma, or a transaction of it. */
type Client = Pick<PrismaClient, '$executeRawUnsafe'>;

const NOTIFY = `SELECT pg_notify('${CHANNEL}', payload) FROM unnest($1::text[]) AS payload`;

/**
 * Appends to a statement that numbers events: tells of them with the commit that stores them. The parameter is null
 * where nobody is to be told.
 */
export const TELL_OF_EVENTS = (origin: string, listed: string): string => `
  CASE WHEN ${origin}::text IS NULL THEN NULL ELSE pg_notify('${CHANNEL}', json_build_object(
    'origin', ${origin}::text, 'message', json_build_object(
      'type', 'events', 'taskId', id, 'lastSeq', "lastSeq", 'listed', ${listed}::boolean))::text)::text END`;

/**
 * The servers on one database, told of and heard through LISTEN and NOTIFY. A server does not hear itself.
 * Notifications are hints that come at once: the database holds what they are about, and is read again after
 * a time without a connection.
 */
export class Replicas {
  /** Of this process, in everything that it tells; null when it is alone. */
  readonly origin: string | null;
  readonly #prisma: Client;
  readonly #log: Logger;
  readonly #listeners = new Set<(news: ReplicaNews) => void>();
  readonly #listening: Listening | undefined;
  /** Last stored number of tasks that are still to be told of. */
  readonly #late = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  /** When this server was last sure to hear everything. */
  #heardAll = new Date();

  /** @param options.connectionString null when no other server can be on the database: nothing is told or heard then */
  constructor(options: { prisma: Client; connectionString: string | null; log: Logger }) {
    const { prisma, connectionString, log } = options;
    this.origin = connectionString === null ? null : randomUUID();
    this.#prisma = prisma;
    this.#log = log.child({ component: 'REPLICAS' });
    if (connectionString === null) return;
    this.#listening = listenForNotifications({
      connectionString,
      channel: CHANNEL,
      log: this.#log,
      onNotification: (payload) => this.#heard(payload),
      onAlive: () => {
        this.#heardAll = new Date();
      },
      onListening: () => this.#announce({ type: 'listening', missedSince: this.#heardAll }),
    });
  }

  listen(listener: (news: ReplicaNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells the others, when a transaction is given with its commit. @throws what the database throws */
  async tell(message: ReplicaMessage, client: Client = this.#prisma): Promise<void> {
    await this.#notify(client, [message]);
  }

  /** Tells the others where nothing is lost when it fails: it is logged then. */
  hint(...messages: ReplicaMessage[]): void {
    this.#notify(this.#prisma, messages).catch((error: unknown) =>
      this.#log.debug({ err: error }, 'could not tell the other servers'),
    );
  }

  /** Tells of stored events soon, and once for many. Events of the task must follow that are told of with their commit. */
  tellSoon(taskId: string, lastSeq: number): void {
    if (this.origin === null) return;
    this.#late.set(taskId, lastSeq);
    this.#timer ??= setTimeout(() => this.#tellLate(), GATHER_MS);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#listening?.close();
  }

  #tellLate(): void {
    this.#timer = undefined;
    const late = [...this.#late].map(
      ([taskId, lastSeq]) => ({ type: 'events', taskId, lastSeq, listed: false }) as const,
    );
    this.#late.clear();
    this.hint(...late);
  }

  async #notify(client: Client, messages: readonly ReplicaMessage[]): Promise<void> {
    if (this.origin === null) return;
    const payloads = messages.map((message) => JSON.stringify({ origin: this.origin, message }));
    await client.$executeRawUnsafe(NOTIFY, payloads);
  }

  #heard(payload: string): void {
    this.#heardAll = new Date();
    const envelope = parse(payload);
    if (envelope === undefined) this.#log.warn('a notification of another version was not understood');
    else if (envelope.origin !== this.origin) this.#announce(envelope.message);
  }

  #announce(news: ReplicaNews): void {
    for (const listener of this.#listeners) {
      try {
        listener(news);
      } catch (error) {
        this.#log.error({ err: error, news: news.type }, 'a listener to other servers threw');
      }
    }
  }
}

function parse(payload: string): z.infer<typeof Envelope> | undefined {
  try {
    return Envelope.safeParse(JSON.parse(payload)).data;
  } catch {
    return undefined;
  }
}
