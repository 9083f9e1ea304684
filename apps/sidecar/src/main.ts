// Loads next to nothing before it listens: whoever waits for a pod's start is then answered as soon as it can be, instead of
// asking again and again.
import { collectInOnePiece } from '@shadow/workspace/collector';
import { addressIn, EarlyListener } from './http/early-listener.ts';

/** Serves until a signal ends it. */
async function main(): Promise<void> {
  const ended = firstSignal();
  const listener = EarlyListener.listen(addressIn(process.env));
  // Whoever uses it is told.
  listener.catch(() => {});
  const { prepare } = await import('./prepare.ts');
  const { config, beginning } = prepare(listener);
  const [{ createLogger }, { startSidecar }] = await Promise.all([
    import('./observability/logger.ts'),
    import('./start.ts'),
  ]);
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

/** Resolves with the first signal to end, or when the supervisor is gone. */
function firstSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
    process.on('disconnect', () => resolve('supervisor gone'));
  });
}

try {
  await main();
} catch (error) {
  const { complain } = await import('./prepare.ts');
  complain(error);
  process.exitCode = 1;
}
// Nothing is left to do: a timer or socket that somebody forgot must not keep a stopped sidecar alive.
process.exit();
