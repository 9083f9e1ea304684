import { parseIntoClientConfig } from 'pg-connection-string';
import { DatabaseError, errorCode, errorMessage } from '../errors.ts';

/** Where a connection string leads, without its password. */
export interface DatabaseTarget {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/** SQLSTATE codes of PostgreSQL's appendix A. */
const ACCESS_DENIED = new Set(['28000', '28P01']);
const NO_SUCH_DATABASE = '3D000';

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name cannot be looked up now',
  ENOENT: 'there is no such socket',
  EACCES: 'this user may not open the socket',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
  ETIMEDOUT: 'it does not answer',
  ECONNRESET: 'it closed the connection',
  '53300': 'it has no free connections',
  '57P03': 'it is starting up or shutting down',
};

/**
 * Reads a connection string.
 * @throws DatabaseError DATABASE_URL_INVALID, which does not repeat the string
 */
export function parseTarget(connectionString: string): DatabaseTarget {
  if (/^postgres(ql)?:\/\//.test(connectionString)) {
    try {
      const { host, port, database, user } = parseIntoClientConfig(connectionString);
      return {
        host: host || 'localhost',
        port: Number(port) || 5432,
        database: database || user || 'postgres',
        user: user || '',
      };
    } catch {
      // Falls through to the one message: what was thrown may repeat the string.
    }
  }
  throw new DatabaseError(
    'DATABASE_URL_INVALID',
    'DATABASE_URL is not a PostgreSQL connection string. Expected postgresql://user:password@host:5432/database ' +
      '(characters like @ / # in the password percent-encoded).',
  );
}

/**
 * Says why a connection could not be made: an error to show, without the password or the connection string.
 * @param error what pg threw
 */
export function connectionFailure(target: DatabaseTarget, error: unknown): DatabaseError {
  const code = errorCode(error) ?? firstCode(error);
  const details = { host: target.host, port: target.port, database: target.database, user: target.user };
  const place = `${target.host}:${target.port}`;
  if (code !== undefined && ACCESS_DENIED.has(code)) {
    const message = `PostgreSQL at ${place} refused user "${target.user}": wrong password or no right to connect.`;
    return new DatabaseError('DATABASE_ACCESS_DENIED', message, { details: { ...details, reason: code } });
  }
  if (code === NO_SUCH_DATABASE) {
    const message = `PostgreSQL at ${place} has no database "${target.database}". Create it: createdb ${target.database}`;
    return new DatabaseError('DATABASE_MISSING', message, { details: { ...details, reason: code } });
  }
  const reason = (code === undefined ? undefined : REASONS[code]) ?? errorMessage(error);
  return new DatabaseError('DATABASE_UNREACHABLE', `The database at ${place} cannot be reached: ${reason}.`, {
    details: { ...details, reason: code ?? reason },
  });
}

/** A host with several addresses fails with one error for each. */
function firstCode(error: unknown): string | undefined {
  return error instanceof AggregateError ? errorCode(error.errors[0]) : undefined;
}
