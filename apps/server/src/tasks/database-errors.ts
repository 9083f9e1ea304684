import { Prisma } from '@shadow/db';

/**
 * Codes after which the connection is gone but the database may come back. Prisma's P10xx and P2024 are in its error
 * reference; the SQLSTATE classes 08 (connection), 53 (resources, disk full) and 57P0x (shutdown, crash, cannot
 * connect now) are PostgreSQL's appendix A; the rest are Node's socket errors.
 */
const PRISMA_CODES = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2037']);
const SQLSTATES = /^(08|53|57P0)/;
const SOCKET_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOENT', 'ETIMEDOUT']);

/** Whether the statement failed for want of a working database rather than for what it said. */
export function isConnectionLoss(error: unknown): boolean {
  for (const code of codesOf(error)) {
    if (PRISMA_CODES.has(code) || SOCKET_CODES.has(code) || SQLSTATES.test(code)) return true;
  }
  return false;
}

/** Codes of an error, of what it wraps, and of the driver's error that Prisma keeps in its metadata. */
function* codesOf(error: unknown, depth = 0): Generator<string> {
  if (depth > 6 || typeof error !== 'object' || error === null) return;
  if (error instanceof Prisma.PrismaClientInitializationError) yield 'P1001';
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
