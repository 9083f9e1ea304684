import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
// Not the whole of it: a pod's start waits for what is loaded here, and the rest is not this process's business.
import { type Daemon, runDaemon } from '@shadow/workspace/daemon';
import type { Logger } from 'pino';
import { ConfigError, loadConfig, supervisedEnvironment } from './config.ts';
import { createLogger } from './observability/logger.ts';
import { hostDirectory } from './places.ts';

const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 5000;
/** A run as long as this was a good one: the next crash is a first one again. */
const GOOD_RUN_MS = 30_000;
/** Idle is no reason to end for the host of a pod. */
const NEVER_MS = Number.MAX_SAFE_INTEGER;

/**
 * A pod's first process: it is the process host, and runs the HTTP process, which may crash and come back without any
 * command noticing. A signal to end goes to the HTTP process first, then the commands are ended.
 */
async function supervise(): Promise<number> {
  const config = loadConfig();
  const log = createLogger(config.logLevel).child({ component: 'SUPERVISOR' });
  const daemon = await runDaemon({ directory: hostDirectory(config.stateDir), idleTimeoutMs: NEVER_MS });
  if (daemon === undefined) throw new ConfigError(`Another sidecar runs on ${config.stateDir}.`);
  const http = new HttpProcess(log);
  const ending = firstSignal().then((signal) => {
    log.info({ signal }, 'shutting down');
    return http.end();
  });
  const code = await http.run(ending);
  await endHost(daemon);
  return code;
}

async function endHost(daemon: Daemon): Promise<void> {
  daemon.stop();
  await daemon.ended;
}

/** The HTTP process, started again whenever it dies. */
class HttpProcess {
  readonly #log: Logger;
  readonly #ended = new AbortController();
  #child: ChildProcess | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Runs it until `end`; gives up only on a start that its settings forbid. */
  async run(ending: Promise<void>): Promise<number> {
    let pause = FIRST_PAUSE_MS;
    while (!this.#ended.signal.aborted) {
      const startedAt = performance.now();
      const { code, signal } = await this.#once();
      if (this.#ended.signal.aborted) break;
      pause =
        performance.now() - startedAt > GOOD_RUN_MS ? FIRST_PAUSE_MS : Math.min(pause * 2, LAST_PAUSE_MS);
      this.#log.warn({ code, signal, pauseMs: pause }, 'the HTTP process ended; starting it again');
      await delay(pause, undefined, { signal: this.#ended.signal }).catch(() => {});
    }
    await ending;
    return 0;
  }

  /** Asks it to finish what it is at. */
  async end(): Promise<void> {
    this.#ended.abort();
    this.#child?.kill('SIGTERM');
  }

  #once(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    const main = fileURLToPath(new URL('./main.ts', import.meta.url));
    // The channel tells the child when this process is gone, however it died.
    const child = spawn(process.execPath, [...process.execArgv, main], {
      env: supervisedEnvironment(),
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    return new Promise((resolve) => {
      child.once('error', () => resolve({ code: 1, signal: null }));
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
  }
}

function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
  });
}

/** As process 1 Node would inherit orphans and never collect them; a shell does, so it takes that place. */
function handOverToReaper(): void {
  const reaper = fileURLToPath(new URL('./reaper.sh', import.meta.url));
  process.execve?.('/bin/sh', [
    'sh',
    reaper,
    process.execPath,
    ...process.execArgv,
    ...process.argv.slice(1),
  ]);
}

if (process.pid === 1) handOverToReaper();
// Everybody's commands hang on this process: one failed call is logged, and no reason to lose them all.
process.on('uncaughtException', (error) =>
  process.stderr.write(`supervisor: ${error.stack ?? error.message}\n`),
);
try {
  process.exitCode = await supervise();
} catch (error) {
  process.stderr.write(`supervisor: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
process.exit();
