import * as z from 'zod';

/**
 * Every error that crosses a wire or reaches an agent, with the HTTP status it travels under.
 * Codes are rebuilt by code on the other side; nobody matches on message text.
 */
export const ERROR_STATUS = {
  // The caller's input
  VALIDATION_FAILED: 400,
  PATH_INVALID: 400,
  PATH_OUTSIDE_WORKSPACE: 403,
  PATTERN_INVALID: 400,
  // Files
  FILE_NOT_FOUND: 404,
  NOT_A_FILE: 409,
  NOT_A_DIRECTORY: 409,
  ALREADY_EXISTS: 409,
  FILE_TOO_LARGE: 413,
  FILE_IS_BINARY: 415,
  FILE_CHANGED: 409,
  TEXT_NOT_FOUND: 409,
  TEXT_NOT_UNIQUE: 409,
  PERMISSION_DENIED: 403,
  DISK_FULL: 507,
  // Processes
  COMMAND_DENIED: 403,
  COMMAND_NEEDS_APPROVAL: 403,
  PROCESS_NOT_FOUND: 404,
  PROCESS_NOT_RUNNING: 409,
  PROCESS_LOST: 410,
  SPAWN_FAILED: 500,
  RESOURCE_LIMIT: 429,
  TIMEOUT: 504,
  CANCELLED: 499,
  // Git
  REPOSITORY_NOT_FOUND: 404,
  REPOSITORY_ACCESS_DENIED: 403,
  REPOSITORY_UNREACHABLE: 502,
  BRANCH_NOT_FOUND: 404,
  GIT_CONFLICT: 409,
  GIT_FAILED: 500,
  GIT_MISSING: 503,
  NOTHING_TO_COMMIT: 409,
  // Model providers
  MODEL_UNKNOWN: 400,
  PROVIDER_NOT_CONFIGURED: 409,
  PROVIDER_AUTH_FAILED: 502,
  PROVIDER_RATE_LIMITED: 503,
  PROVIDER_OVERLOADED: 503,
  PROVIDER_FAILED: 502,
  PROVIDER_UNREACHABLE: 502,
  STREAM_INTERRUPTED: 502,
  // Tasks
  TASK_NOT_FOUND: 404,
  TASK_STATE_CONFLICT: 409,
  TASK_INTERRUPTED: 409,
  WORKSPACE_NOT_READY: 409,
  WORKSPACE_LOST: 410,
  WORKSPACE_HAS_UNSAVED_WORK: 409,
  POD_FAILED: 502,
  BUDGET_EXCEEDED: 402,
  PROMPT_TOO_LARGE: 413,
  APPROVAL_NOT_FOUND: 404,
  // Access
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  TOKEN_INVALID: 401,
  // The system
  NOT_FOUND: 404,
  UNSUPPORTED: 501,
  RATE_LIMITED: 429,
  IDEMPOTENCY_MISMATCH: 409,
  UNAVAILABLE: 503,
  CIRCUIT_OPEN: 503,
  DATABASE_UNREACHABLE: 503,
  INTERNAL: 500,
} as const satisfies Record<string, number>;

export type ErrorCode = keyof typeof ERROR_STATUS;

export const ERROR_CODES = Object.keys(ERROR_STATUS) as [ErrorCode, ...ErrorCode[]];

export const ErrorCode = z.enum(ERROR_CODES);

/** Codes after which the same call may succeed unchanged. */
const RETRYABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'RESOURCE_LIMIT',
  'TIMEOUT',
  'REPOSITORY_UNREACHABLE',
  'PROVIDER_RATE_LIMITED',
  'PROVIDER_OVERLOADED',
  'PROVIDER_UNREACHABLE',
  'STREAM_INTERRUPTED',
  'RATE_LIMITED',
  'POD_FAILED',
  'UNAVAILABLE',
  'CIRCUIT_OPEN',
  'DATABASE_UNREACHABLE',
]);

/** What went wrong, as data. `message` says what was wrong, where, and what to do; it never holds a secret. */
export const OperationError = z.object({
  code: ErrorCode,
  message: z.string(),
  retryable: z.boolean(),
  details: z.record(z.string(), z.unknown()).optional(),
});
export type OperationError = z.infer<typeof OperationError>;

/**
 * Causes of errors that became data, for the log of this process: no JSON holds them. A copy of such data has none.
 */
const causes = new WeakMap<OperationError, unknown>();

/** The body of every HTTP error answer. */
export const ErrorBody = z.object({ error: OperationError });
export type ErrorBody = z.infer<typeof ErrorBody>;

/** The result of an operation whose failure is an ordinary outcome: discriminated, never thrown. */
export type Result<T extends object = object> =
  | ({ success: true } & T)
  | { success: false; error: OperationError };

/** A failed result's error, throwable where control flow needs it (HTTP handlers, task steps). */
export class ShadowError extends Error {
  override readonly name = 'ShadowError';
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly details: Record<string, unknown> | undefined;

  /**
   * @param code the error's code; it decides HTTP status and default retryability
   * @param message what was wrong, where, what to do; shown to people
   * @param options `details` for programs, `cause` for logs, `retryable` to override the default
   */
  constructor(
    code: ErrorCode,
    message: string,
    options: { details?: Record<string, unknown>; cause?: unknown; retryable?: boolean } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? RETRYABLE.has(code);
    this.details = options.details;
  }

  /** HTTP status of this error. */
  get status(): number {
    return ERROR_STATUS[this.code];
  }

  /** The error as data for a result, an event or an HTTP body. */
  toOperationError(): OperationError {
    const error = {
      code: this.code,
      message: this.message,
      retryable: this.retryable,
      ...(this.details === undefined ? {} : { details: this.details }),
    };
    if (this.cause !== undefined) causes.set(error, this.cause);
    return error;
  }

  /** The error that the data was made from; with its cause when that was in this process. */
  static from(error: OperationError): ShadowError {
    return new ShadowError(error.code, error.message, {
      retryable: error.retryable,
      cause: causes.get(error),
      ...(error.details === undefined ? {} : { details: error.details }),
    });
  }
}

/** Whether a repeat of the same call would fail the same way, so that a failure is the answer of an idempotency key. */
export function isFinal({ code, retryable }: Pick<OperationError, 'code' | 'retryable'>): boolean {
  return !retryable && !RETRYABLE.has(code) && code !== 'CANCELLED' && code !== 'INTERNAL';
}

/** Builds a failed result. */
export function failure(
  code: ErrorCode,
  message: string,
  details?: Record<string, unknown>,
): { success: false; error: OperationError } {
  const error = new ShadowError(code, message, details === undefined ? {} : { details });
  return { success: false, error: error.toOperationError() };
}

/** Turns anything thrown into a ShadowError; unknown failures become INTERNAL and keep their cause for the log. */
export function toShadowError(thrown: unknown): ShadowError {
  if (thrown instanceof ShadowError) return thrown;
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return new ShadowError('CANCELLED', 'The call was cancelled.', { cause: thrown });
  }
  return new ShadowError('INTERNAL', 'Something failed inside Shadow; its log has the details.', {
    cause: thrown,
  });
}

/** The value of a successful result, or its error thrown as ShadowError. */
export function unwrap<T extends object>(result: Result<T>): { success: true } & T {
  if (result.success) return result;
  throw ShadowError.from(result.error);
}
