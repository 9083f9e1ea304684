/** Why the database cannot be used, one code for each thing that a person can mend. */
export type DatabaseErrorCode =
  /** Another live process uses this SHADOW_HOME; `details.pid` names it where known. */
  | 'HOME_IN_USE'
  /** SHADOW_HOME cannot be created, read or written. */
  | 'HOME_UNUSABLE'
  /** No way to run PostgreSQL without root's rights at this location. */
  | 'ROOT_NEEDS_LOCATION'
  /** The embedded PostgreSQL has no binaries for this platform, or a tool that it needs is missing. */
  | 'EMBEDDED_UNAVAILABLE'
  /** The data directory belongs to another major version of PostgreSQL, or is damaged. */
  | 'DATA_DIRECTORY_UNUSABLE'
  /** The embedded PostgreSQL did not come up; `details.log` holds its last lines. */
  | 'EMBEDDED_START_FAILED'
  | 'DATABASE_URL_INVALID'
  | 'DATABASE_UNREACHABLE'
  | 'DATABASE_ACCESS_DENIED'
  | 'DATABASE_MISSING'
  /** An applied migration differs from the one shipped, or the database has migrations that are unknown here. */
  | 'MIGRATION_HISTORY_DIVERGED'
  | 'MIGRATION_FAILED';

/** What went wrong with the database, in words for the operator; holds no secret. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
  readonly code: DatabaseErrorCode;
  /** Facts for logs and for programs: host, port, pid, migration names; never a password. */
  readonly details: Readonly<Record<string, unknown>>;

  /**
   * @param code what happened
   * @param message what happened and how to mend it
   * @param options.cause only errors that hold no connection string
   */
  constructor(
    code: DatabaseErrorCode,
    message: string,
    options: { details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** The `code` of a Node, PostgreSQL or our own error; undefined when it has none. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' ? code : undefined;
}

/** The message of whatever was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
