// Not the whole of it: a pod's start waits for what is loaded here, and the rest is not this process's business.
import { collectInOnePiece } from '@shadow/workspace/collector';
import { type Daemon, runDaemon } from '@shadow/workspace/daemon';
import type { Logger } from 'pino';
import { type Config, ConfigError, loadConfig } from './config.ts';
import type { HttpProcess } from './http-process.ts';
import { hostDirectory } from './places.ts';

/** What the HTTP process may take to end besides the time to drain. */
const CLOSING_MS = 5000;
/** Idle is no reason to end for the host of a pod. */
const NEVER_MS = Number.MAX_SAFE_INTEGER;

/**
 * Becomes the process host and keeps the HTTP process running. A signal to end goes to the HTTP process first, then the
 * commands are ended.
 *
 * @param ended resolves with the signal to end
 * @throws ConfigError for settings that are missing or not valid
 */
export async function supervise(http: HttpProcess, ended: Promise<NodeJS.Signals>): Promise<void> {
  const config = loadConfig();
  const daemon = await runDaemon({ directory: hostDirectory(config.stateDir), idleTimeoutMs: NEVER_MS });
  if (daemon === undefined) throw new ConfigError(`Another sidecar runs on ${config.stateDir}.`);
  collectInOnePiece();
  const ending = ended.then(async (signal) => {
    http.end(config.drainMs + CLOSING_MS);
    (await openLog(config)).info({ signal }, 'shutting down');
  });
  await http.run(async (restart) => {
    (await openLog(config)).warn(restart, 'the HTTP process ended; starting it again');
  });
  await ending;
  await endHost(daemon);
}

/** Loaded when there is something to say. */
async function openLog({ logLevel }: Config): Promise<Logger> {
  const logger = await import('./observability/logger.ts');
  return logger.createLogger(logLevel).child({ component: 'SUPERVISOR' });
}

async function endHost(daemon: Daemon): Promise<void> {
  daemon.stop();
  await daemon.ended;
}
