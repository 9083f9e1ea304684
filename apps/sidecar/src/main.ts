import { ShadowError } from '@shadow/protocol';
import { ConfigError, loadConfig } from './config.ts';
import { createLogger } from './observability/logger.ts';
import { startSidecar } from './start.ts';

/** Serves until a signal ends it. */
async function main(): Promise<void> {
  const ended = firstSignal();
  // Under a supervisor this process is loaded before the host is there, and before anybody has looked at the settings.
  if (process.connected && (await Promise.race([hostIsThere(), ended])) !== undefined) return;
  const config = loadConfig();
  const log = createLogger(config.logLevel);
  const sidecar = await startSidecar(config, log);
  log.info({ port: sidecar.port, pid: process.pid }, 'listening');
  // For whoever started this process with port 0.
  process.stdout.write(`${JSON.stringify({ port: sidecar.port })}\n`);
  log.info({ reason: await ended }, 'shutting down');
  await sidecar.close();
}

/** Resolves when the supervisor says so; what it said while this process was loaded is heard, too. */
function hostIsThere(): Promise<undefined> {
  return new Promise((resolve) => process.once('message', () => resolve(undefined)));
}

/** Resolves with the first signal to end, or when the supervisor is gone. */
function firstSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
    process.on('disconnect', () => resolve('supervisor gone'));
  });
}

/** What stopped the start: a message for people; of the unexpected also where it came from. */
function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof ShadowError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`sidecar: ${explain(error)}\n`);
  process.exitCode = 1;
}
// Nothing is left to do: a timer or socket that somebody forgot must not keep a stopped sidecar alive.
process.exit();
