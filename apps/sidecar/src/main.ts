import { ShadowError } from '@shadow/protocol';
import { collectInOnePiece } from '@shadow/workspace/collector';
import { type Beginning, begin } from './begin.ts';
import { type Config, ConfigError, loadConfig } from './config.ts';

/** Serves until a signal ends it. */
async function main(): Promise<void> {
  const ended = firstSignal();
  // Before most of this process is loaded: a pod's start is as long as the longer of the two.
  const prepared = prepare();
  const [{ createLogger }, { startSidecar }] = await Promise.all([
    import('./observability/logger.ts'),
    import('./start.ts'),
  ]);
  const { config, beginning } = prepared();
  const log = createLogger(config.logLevel);
  // Under a supervisor it waits for the host, and a supervisor whose host does not come up ends this process, too.
  const sidecar = await Promise.race([startSidecar(config, log, beginning), ended]);
  if (typeof sidecar === 'string') return;
  collectInOnePiece();
  log.info({ port: sidecar.port, pid: process.pid }, 'listening');
  // For whoever started this process with port 0.
  process.stdout.write(`${JSON.stringify({ port: sidecar.port })}\n`);
  log.info({ reason: await ended }, 'shutting down');
  await sidecar.close();
}

/** @returns the settings and what has begun with them; what is wrong with them is nobody's business before it is asked for */
function prepare(): () => { config: Config; beginning: Beginning } {
  try {
    const config = loadConfig();
    const beginning = begin(config);
    return () => ({ config, beginning });
  } catch (error) {
    return () => {
      throw error;
    };
  }
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
  // What is wrong with the settings a supervisor says itself.
  const isTold = error instanceof ConfigError && process.env.SIDECAR_SUPERVISED === 'true';
  if (!isTold) process.stderr.write(`sidecar: ${explain(error)}\n`);
  process.exitCode = 1;
}
// Nothing is left to do: a timer or socket that somebody forgot must not keep a stopped sidecar alive.
process.exit();
