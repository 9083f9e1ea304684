import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { acquireHomeLock, DatabaseError, holdInstanceLock, openDatabase } from '@shadow/db';
import { ShadowError } from '@shadow/protocol';
import type { Logger } from 'pino';
import { type Composition, compose, VERSION } from './compose.ts';
import { type Config, ConfigError, loadConfig } from './config.ts';
import { makeHome } from './home.ts';
import { createLogger } from './observability/logger.ts';
import { announce, removeServerFile, writeServerFile } from './server-file.ts';

/** Milliseconds that a clean end may take before it is cut short. */
const SHUTDOWN_MS = 25_000;

/** Runs the server until a signal ends it. @returns the exit code */
async function main(): Promise<number> {
  const config = loadConfig();
  const log = createLogger({ ...config.log, secrets: config.secrets });
  const ended = signalled();
  await makeHome(config.home, config.runAs === null ? 0o700 : 0o711);
  await using _lock = await acquireHomeLock(config.home);
  await using database = await openDatabase({ url: config.database.url, home: config.home, log });
  await using instance = await holdInstanceLock({ connectionString: database.connectionString, log });
  const composition = await compose(config, database, instance, log);
  try {
    const url = await listen(composition.http, config);
    await announceReady(config, composition, url);
    composition.start();
    const signal = await ended;
    log.info({ signal }, 'shutting down');
    setTimeout(() => process.exit(1), SHUTDOWN_MS).unref();
  } finally {
    await removeServerFile(config.home);
    await composition.close();
  }
  return 0;
}

/** Resolves with the first signal to end; a second one ends at once. */
function signalled(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let count = 0;
    const hear = (signal: NodeJS.Signals): void => {
      count += 1;
      if (count > 1 && signal === 'SIGINT') process.exit(130);
      resolve(signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, hear);
  });
}

/** @returns the URL people open @throws ShadowError UNAVAILABLE when the port is taken or may not be used */
async function listen(http: Server, config: Config): Promise<string> {
  const { host, port, basePath, publicUrl } = config.http;
  await new Promise<void>((resolve, reject) => {
    http.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
    http.listen(port, host, resolve);
  });
  const actual = (http.address() as AddressInfo).port;
  const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `${publicUrl ?? `http://${shown}:${actual}`}${basePath}`;
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): ShadowError {
  const why: Record<string, string> = {
    EADDRINUSE: `Port ${port} on ${host} is in use by another program. Set API_PORT to another one (API_PORT=0 takes any that is free).`,
    EACCES: `This user may not listen on port ${port}. Set API_PORT to 1024 or above.`,
    EADDRNOTAVAIL: `This machine has no address ${host}. Set API_HOST to one of its own.`,
  };
  return new ShadowError(
    'UNAVAILABLE',
    why[error.code ?? ''] ?? `Cannot listen on ${host}:${port}: ${error.message}`,
    { cause: error },
  );
}

async function announceReady(config: Config, { access }: Composition, url: string): Promise<void> {
  await access.ensureCliKey();
  await writeServerFile(config.home, {
    url,
    pid: process.pid,
    startedAt: new Date().toISOString(),
    version: VERSION,
  });
  const signInUrl = `${url}/sign-in?token=${await access.issueSignInToken()}`;
  announce(config.print, { url, signInUrl, home: config.home });
}

/** Says what stopped the start: a message for people, the rest only in the log. */
function explain(error: unknown): void {
  if (error instanceof ConfigError || error instanceof ShadowError || error instanceof DatabaseError) {
    process.stderr.write(`shadow: ${error.message}\n`);
    return;
  }
  const log: Logger = createLogger({ level: 'error', format: 'text', secrets: [] });
  log.error({ err: error }, 'Shadow could not start');
}

// Whoever read the output may be gone (a closed pipe, a command line that was killed): no reason to end, least of all in
// the middle of an orderly end.
for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);

try {
  process.exitCode = await main();
} catch (error) {
  explain(error);
  process.exitCode = 1;
}
// Nothing is left to do: a timer or a socket that somebody forgot must not keep a stopped server alive.
process.exit();
