import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { DatabaseError } from '../errors.ts';
import { CHILD_ENVIRONMENT, type Identity, invoke } from './identity.ts';

/**
 * Runs "$@" for as long as standard input stays open, then asks it to end (SIGINT: PostgreSQL's fast shutdown). The
 * kernel closes that pipe however the server dies, so the database never outlives it. SIGTERM to the supervisor ends
 * the database without a checkpoint.
 */
const SUPERVISOR = `
exec 3<&0 </dev/null
"$@" 3<&- &
postgres=$!
trap 'kill -QUIT "$postgres"' TERM
(while read -r _ <&3; do :; done; kill -INT "$postgres") 2>/dev/null &
watcher=$!
exec 3<&-
while :; do
  wait "$postgres"; code=$?
  kill -0 "$postgres" 2>/dev/null || break
done
kill "$watcher" 2>/dev/null
exit "$code"
`;

/** Lines of PostgreSQL's log that are kept for error messages. */
const KEPT_LINES = 30;
/** How long the last lines may take after the end, ms. */
const LOG_DRAIN_MS = 500;
/** postmaster.c writes it when connections are accepted; lc_messages is C. */
const READY = 'database system is ready to accept connections';

/** How PostgreSQL ended. */
export interface EmbeddedExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Last lines of its log, oldest first. */
  readonly log: readonly string[];
}

/** A PostgreSQL that accepts connections, under its supervisor. */
export interface RunningPostgres {
  /** Settles when the server has ended, for whatever reason. */
  readonly exited: Promise<EmbeddedExit>;
  /** Asks for a clean end and waits for it; after `deadlineMs` insists, leaving recovery to the next start. */
  shutDown(deadlineMs: number): Promise<void>;
}

/**
 * Starts PostgreSQL and waits until it accepts connections, crash recovery included.
 * @param argv program and arguments
 * @param onLine receives each line of its log
 * @throws DatabaseError EMBEDDED_START_FAILED
 */
export async function startSupervised(
  argv: readonly string[],
  identity: Identity,
  onLine: (line: string) => void,
): Promise<RunningPostgres> {
  const { command, args, options } = invoke(identity, ['sh', '-c', SUPERVISOR, 'shadow-postgres', ...argv]);
  // A session of its own: Ctrl+C in the terminal is for the server, which then stops the database in its turn.
  const child = spawn(command, args, {
    ...options,
    cwd: '/',
    env: CHILD_ENVIRONMENT,
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  child.stdin.on('error', () => undefined);
  const log: string[] = [];
  const ready = Promise.withResolvers<void>();
  const lines = createInterface({ input: child.stderr });
  lines.on('line', (line) => {
    log.push(line);
    if (log.length > KEPT_LINES) log.shift();
    onLine(line);
    if (line.includes(READY)) ready.resolve();
  });
  const exited = exitOf(child, once(lines, 'close'), log);
  const failed = exited.then((exit) => {
    throw startFailed(exit);
  });
  await Promise.race([ready.promise, failed]);
  failed.catch(() => undefined);
  return { exited, shutDown: (deadlineMs) => shutDown(child, exited, deadlineMs) };
}

function exitOf(
  child: ChildProcess,
  closed: Promise<unknown>,
  log: readonly string[],
): Promise<EmbeddedExit> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, log: [...log, error.message] }));
    child.once('exit', async (code, signal) => {
      // A worker that outlives the server keeps the log open, so its end is not waited for without a limit.
      await Promise.race([closed, delay(LOG_DRAIN_MS, undefined, { ref: false })]);
      resolve({ code, signal, log: [...log] });
    });
  });
}

async function shutDown(
  child: ChildProcess,
  exited: Promise<EmbeddedExit>,
  deadlineMs: number,
): Promise<void> {
  child.stdin?.end();
  const insist = setTimeout(() => child.kill('SIGTERM'), deadlineMs);
  await exited;
  clearTimeout(insist);
}

function startFailed({ code, signal, log }: EmbeddedExit): DatabaseError {
  const how = signal === null ? `with status ${code}` : `by ${signal}`;
  const last = log.filter((line) => /^(FATAL|PANIC|ERROR)|: /.test(line)).slice(-5);
  return new DatabaseError(
    'EMBEDDED_START_FAILED',
    `The embedded PostgreSQL ended ${how} while starting:\n  ${last.join('\n  ') || 'no output'}`,
    { details: { log } },
  );
}
