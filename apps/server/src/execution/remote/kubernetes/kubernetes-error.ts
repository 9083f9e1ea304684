import { type ErrorCode, ShadowError } from '@shadow/protocol';

/**
 * What a KubernetesError says in one word: `Status.reason` of the API server, or one of ours: `QuotaExceeded` for a
 * Forbidden that is about a quota, `Unreachable` without any answer, `Untrusted` for a certificate that is not to be trusted,
 * `NotConfigured` for settings that lead nowhere.
 */
export type KubernetesReason =
  | 'AlreadyExists'
  | 'Conflict'
  | 'Forbidden'
  | 'NotFound'
  | 'QuotaExceeded'
  | 'Unauthorized'
  | 'NotConfigured'
  | 'Unreachable'
  | 'Untrusted'
  | (string & {});

/** A call of the Kubernetes API that failed, in the API server's own words. */
export class KubernetesError extends ShadowError {
  /** HTTP status that the API server gave; 0 when it gave none. */
  readonly apiStatus: number;
  readonly reason: KubernetesReason;

  constructor(
    reason: KubernetesReason,
    apiStatus: number,
    message: string,
    options: { details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(codeOf(reason, apiStatus), message, {
      details: { reason, apiStatus, ...options.details },
      ...(options.cause === undefined ? {} : { cause: options.cause }),
    });
    this.reason = reason;
    this.apiStatus = apiStatus;
  }
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  AlreadyExists: 'ALREADY_EXISTS',
  Conflict: 'TASK_STATE_CONFLICT',
  // Not FORBIDDEN or UNAUTHENTICATED: those say that the person who asks is not let in, this that the server is not.
  Forbidden: 'PERMISSION_DENIED',
  Unauthorized: 'PERMISSION_DENIED',
  NotFound: 'NOT_FOUND',
  QuotaExceeded: 'RESOURCE_LIMIT',
  Timeout: 'TIMEOUT',
  TooManyRequests: 'RATE_LIMITED',
  Unreachable: 'UNAVAILABLE',
  Untrusted: 'UNAVAILABLE',
  NotConfigured: 'VALIDATION_FAILED',
};

function codeOf(reason: string, status: number): ErrorCode {
  const code = CODES[reason];
  if (code !== undefined) return code;
  if (status >= 500) return 'UNAVAILABLE';
  return status >= 400 ? 'VALIDATION_FAILED' : 'INTERNAL';
}
