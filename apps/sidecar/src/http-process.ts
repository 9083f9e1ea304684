import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { siblingModule } from '@shadow/workspace/sibling-module';
import { supervisedEnvironment } from './supervised-environment.ts';

const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 5000;
/** A run as long as this was a good one: the next crash is a first one again. */
const GOOD_RUN_MS = 30_000;

/** How a run of the HTTP process ended. */
interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Milliseconds that it ran. */
  ranMs: number;
}

/** What is told of a run that ended by itself. */
export interface Restart {
  code: number | null;
  signal: NodeJS.Signals | null;
  pauseMs: number;
}

/**
 * The HTTP process, started again whenever it dies. It loads its own sources, opens the workspace and listens while this
 * process still loads the host, and waits with everything else for the word that the host is there. Imports next to nothing
 * but Node: a pod's start waits for it.
 */
export class HttpProcess {
  readonly #ended = new AbortController();
  #child: ChildProcess;
  #exit: Promise<Exit>;
  #isHostThere = false;

  /** Starts it. */
  constructor() {
    this.#child = start();
    this.#exit = exitOf(this.#child);
  }

  /** Lets it connect to the host, this one and every later one. */
  hostIsThere(): void {
    this.#isHostThere = true;
    this.#tell();
  }

  /** Keeps it running until `end`. @param restarting is told of each run that ended by itself */
  async run(restarting: (restart: Restart) => Promise<void>): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      const { code, signal, ranMs } = await this.#exit;
      if (this.#ended.signal.aborted) return;
      pauseMs = ranMs > GOOD_RUN_MS ? FIRST_PAUSE_MS : Math.min(pauseMs * 2, LAST_PAUSE_MS);
      await restarting({ code, signal, pauseMs });
      await delay(pauseMs, undefined, { signal: this.#ended.signal }).catch(() => {});
      if (this.#ended.signal.aborted) return;
      this.#child = start();
      this.#exit = exitOf(this.#child);
      this.#tell();
    }
  }

  /** Asks it to finish what it is at. */
  end(): void {
    this.#ended.abort();
    this.#child.kill('SIGTERM');
  }

  #tell(): void {
    // One that has just died hears nothing, and needs to hear nothing.
    if (this.#isHostThere && this.#child.connected) this.#child.send('host', () => {});
  }
}

function start(): ChildProcess {
  const main = fileURLToPath(siblingModule('./main', import.meta.url));
  // The channel tells the child when this process is gone, however it died.
  return spawn(process.execPath, [...process.execArgv, main], {
    env: supervisedEnvironment(),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

function exitOf(child: ChildProcess): Promise<Exit> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const ended = (code: number | null, signal: NodeJS.Signals | null) =>
      resolve({ code, signal, ranMs: performance.now() - startedAt });
    child.once('error', () => ended(1, null));
    child.once('exit', ended);
  });
}
