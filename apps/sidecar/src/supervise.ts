// Not the whole of it: a pod's start waits for what is loaded here, and the rest is not this process's business.
import { type Daemon, runDaemon } from '@shadow/workspace/daemon';
import { ConfigError, loadConfig } from './config.ts';
import type { HttpProcess } from './http-process.ts';
import { createLogger } from './observability/logger.ts';
import { hostDirectory } from './places.ts';

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
  const log = createLogger(config.logLevel).child({ component: 'SUPERVISOR' });
  const daemon = await runDaemon({ directory: hostDirectory(config.stateDir), idleTimeoutMs: NEVER_MS });
  if (daemon === undefined) throw new ConfigError(`Another sidecar runs on ${config.stateDir}.`);
  http.hostIsThere();
  const ending = ended.then((signal) => {
    log.info({ signal }, 'shutting down');
    http.end();
  });
  await http.run((restart) => log.warn(restart, 'the HTTP process ended; starting it again'));
  await ending;
  await endHost(daemon);
}

async function endHost(daemon: Daemon): Promise<void> {
  daemon.stop();
  await daemon.ended;
}
