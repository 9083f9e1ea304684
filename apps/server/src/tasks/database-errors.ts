import { setTimeout as delay } from 'node:timers/promises';
import { Prisma } from '@shadow/db';
import { ShadowError } from '@shadow/protocol';

/**
 * Codes after which the connection is gone but the database may come back. Prisma's P10xx and P2024 are in its error
 * reference; the SQLSTATE classes 08 (connection), 53 (resources, disk full) and 57P0x (shutdown, crash, cannot
 * connect now) are PostgreSQL's appendix A; the rest are Node's socket errors.
 */
const PRISMA_CODES = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2037']);
const SQLSTATES = /^(08|53|57P0)/;
/** node-postgres gives these no code. Source: pg/lib/client.js and pg-pool/index.js. */
const PG_MESSAGES = new Set([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'timeout exceeded when trying to connect',
]);
const SOCKET_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOENT', 'ETIMEDOUT']);

/** Whether the statement failed for want of a working database rather than for what it said. */
export function isConnectionLoss(error: unknown): boolean {
  for (const code of codesOf(error)) {
    if (PRISMA_CODES.has(code) || SOCKET_CODES.has(code) || SQLSTATES.test(code)) return true;
  }
  return false;
}

/** SQLSTATE disk_full. */
const DISK_FULL = '53100';

function isDiskFull(error: unknown): boolean {
  return [...codesOf(error)].includes(DISK_FULL);
}

/** What a failure of the database is called where people read it; undefined when it is another kind of failure. */
export function databaseFailure(error: unknown): ShadowError | undefined {
  if (isDiskFull(error)) {
    const message =
      'The disk that holds the database is full, so this could not be stored. Free some space and try again.';
    return new ShadowError('DISK_FULL', message, { cause: error });
  }
  if (!isConnectionLoss(error)) return undefined;
  return new ShadowError('DATABASE_UNREACHABLE', 'The database does not answer; try again shortly.', {
    cause: error,
  });
}

/** Milliseconds that work goes on being tried while the database is away: longer than its crash recovery takes. */
const RETRY_FOR_MS = 30_000;

/**
 * Does work again while the database is away.
 * @param work must come to the same when an attempt whose answer was lost had been stored; told the attempt, from 0
 * @param onAway hears of each failed attempt
 * @throws what the last attempt threw, and at once what is no loss of the database
 */
export async function retryWhileAway<T>(
  work: (attempt: number) => Promise<T>,
  onAway: (error: unknown, attempt: number) => void = () => undefined,
): Promise<T> {
  const deadline = Date.now() + RETRY_FOR_MS;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work(attempt);
    } catch (error) {
      // A full disk is for a person to mend, who should hear of it at once.
      if (!isConnectionLoss(error) || isDiskFull(error) || Date.now() > deadline) throw error;
      onAway(error, attempt);
      await delay(Math.min(2000, 100 * 2 ** attempt));
    }
  }
}

/** Codes of an error, of what it wraps, and of the driver's error that Prisma keeps in its metadata. */
function* codesOf(error: unknown, depth = 0): Generator<string> {
  if (depth > 6 || typeof error !== 'object' || error === null) return;
  if (error instanceof Prisma.PrismaClientInitializationError) yield 'P1001';
  if (error instanceof Error && PG_MESSAGES.has(error.message)) yield 'P1017';
  for (const key of ['code', 'originalCode', 'errorCode'] as const) {
    const code: unknown = Reflect.get(error, key);
    if (typeof code === 'string') yield code;
  }
  for (const key of ['cause', 'meta', 'driverAdapterError'] as const) {
    yield* codesOf(Reflect.get(error, key), depth + 1);
  }
  if (Reflect.get(error, 'kind') === 'DatabaseNotReachable') yield 'P1001';
  if (Reflect.get(error, 'kind') === 'ConnectionClosed') yield 'P1017';
}
