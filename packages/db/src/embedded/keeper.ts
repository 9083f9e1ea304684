import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseError, errorMessage } from '../errors.ts';
import type { DatabaseLog } from '../log.ts';
import type { EmbeddedExit, RunningPostgres } from './supervisor.ts';

/** What the embedded server is doing. */
export type EmbeddedStatus =
  | { readonly state: 'running' }
  /** It ended and is being started again, with growing pauses, for as long as it takes (a full disk may last). */
  | { readonly state: 'recovering'; readonly attempt: number; readonly log: readonly string[] }
  /** It ended for a reason that trying again does not mend; `restart()` tries all the same. */
  | { readonly state: 'failed'; readonly reason: string; readonly log: readonly string[] }
  | { readonly state: 'stopped' };

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;
/** A clean end includes a checkpoint of at most the shared buffers. */
const SHUTDOWN_MS = 30_000;

/** Keeps a server running: starts it again when it ends by itself. */
export class Keeper {
  readonly #start: () => Promise<RunningPostgres>;
  readonly #log: DatabaseLog;
  readonly #listeners = new Set<(exit: EmbeddedExit) => void>();
  readonly #stopping = new AbortController();
  #status: EmbeddedStatus = { state: 'stopped' };
  #running: RunningPostgres | undefined;
  #starting: Promise<void> | undefined;
  /** Ends the pause before the next attempt. */
  #hurry = new AbortController();

  constructor(start: () => Promise<RunningPostgres>, log: DatabaseLog) {
    this.#start = start;
    this.#log = log;
  }

  get status(): EmbeddedStatus {
    return this.#status;
  }

  onExit(listener: (exit: EmbeddedExit) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Starts the server now; calls that meet an attempt share it. */
  restart(): Promise<void> {
    if (this.#stopping.signal.aborted)
      return Promise.reject(new Error('The embedded PostgreSQL was stopped.'));
    if (this.#status.state === 'running') return Promise.resolve();
    this.#hurry.abort();
    this.#starting ??= this.#startOnce().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#hurry.abort();
    await this.#starting?.catch(() => undefined);
    await this.#running?.shutDown(SHUTDOWN_MS);
    this.#status = { state: 'stopped' };
  }

  async #startOnce(): Promise<void> {
    const running = await this.#start();
    this.#running = running;
    this.#status = { state: 'running' };
    void running.exited.then((exit) => this.#ended(exit));
  }

  #ended(exit: EmbeddedExit): void {
    this.#running = undefined;
    if (this.#stopping.signal.aborted) return;
    this.#status = { state: 'recovering', attempt: 0, log: exit.log };
    this.#log.error({ code: exit.code, signal: exit.signal, log: exit.log }, 'embedded PostgreSQL ended');
    for (const listener of this.#listeners) listener(exit);
    void this.#recover();
  }

  async #recover(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    for (let attempt = 1; !this.#stopping.signal.aborted; attempt += 1) {
      try {
        await this.restart();
        this.#log.info({ attempt }, 'embedded PostgreSQL runs again');
        return;
      } catch (error) {
        if (this.#stopping.signal.aborted || !this.#retry(error, attempt)) return;
      }
      this.#hurry = new AbortController();
      await delay(pause, undefined, { signal: this.#hurry.signal }).catch(() => undefined);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  /** Records a failed attempt; says whether another may succeed. */
  #retry(error: unknown, attempt: number): boolean {
    const reason = errorMessage(error);
    const details = error instanceof DatabaseError ? error.details.log : undefined;
    const log = Array.isArray(details) ? details.map(String) : [reason];
    const again = error instanceof DatabaseError && error.code === 'EMBEDDED_START_FAILED';
    this.#status = again ? { state: 'recovering', attempt, log } : { state: 'failed', reason, log };
    this.#log.warn({ attempt, reason }, 'embedded PostgreSQL does not start');
    return again;
  }
}
