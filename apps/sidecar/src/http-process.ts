import { setTimeout as delay } from 'node:timers/promises';
import { type HttpRun, startHttpProcess } from './http-run.ts';

const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 5000;
/** A run as long as this was a good one: the next crash is a first one again. */
const GOOD_RUN_MS = 30_000;

/** What is told of a run that ended by itself. */
export interface Restart {
  code: number | null;
  signal: NodeJS.Signals | null;
  pauseMs: number;
}

/**
 * The HTTP process, started again whenever it dies. It loads its own sources, opens the workspace and listens while this
 * process still loads the host, and connects to the host when that is there. Imports next to nothing but Node: a pod's start
 * waits for it.
 */
export class HttpProcess {
  readonly #ended = new AbortController();
  #run: HttpRun;

  /** @param first run of it, which has begun */
  constructor(first: HttpRun) {
    this.#run = first;
  }

  /** Keeps it running until `end`. @param restarting is told of each run that ended by itself */
  async run(restarting: (restart: Restart) => Promise<void>): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      const { code, signal, ranMs } = await this.#run.exit;
      if (this.#ended.signal.aborted) return;
      pauseMs = ranMs > GOOD_RUN_MS ? FIRST_PAUSE_MS : Math.min(pauseMs * 2, LAST_PAUSE_MS);
      await restarting({ code, signal, pauseMs });
      await delay(pauseMs, undefined, { signal: this.#ended.signal }).catch(() => {});
      if (this.#ended.signal.aborted) return;
      this.#run = startHttpProcess();
    }
  }

  /**
   * Asks it to finish what it is at.
   *
   * @param patienceMs until it is killed. Node can hang at its very end: a thread of V8 that compiles wants the main thread to
   *   collect garbage, which waits for that thread to end
   */
  end(patienceMs: number): void {
    this.#ended.abort();
    const run = this.#run;
    run.kill('SIGTERM');
    const timer = setTimeout(() => run.kill('SIGKILL'), patienceMs);
    void run.exit.then(() => clearTimeout(timer));
  }
}
