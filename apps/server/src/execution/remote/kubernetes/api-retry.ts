import { DelegateBackoff, handleWhen, type IRetryBackoffContext, retry } from 'cockatiel';
import { unlessAborted } from '../unless-aborted.ts';
import { KubernetesError } from './kubernetes-error.ts';

/** Milliseconds before each further try: together more than an API server takes to come back after a restart. */
export const RETRY_DELAYS_MS: readonly number[] = [200, 500, 1000, 2000, 4000, 8000, 8000, 8000, 8000];

/** Share by which a delay is drawn longer, so that many do not come back at once. */
const JITTER = 0.2;

/**
 * Makes a call of the API, again while the server is away or asks to come later.
 *
 * @param isRepeatable whether it may be made again when nobody knows if it arrived; otherwise only if it certainly did not
 * @throws KubernetesError of the last try, ShadowError CANCELLED
 */
export async function withRetries<T>(
  options: { isRepeatable: boolean; signal: AbortSignal; delaysMs: readonly number[] },
  call: () => Promise<T>,
): Promise<T> {
  const { delaysMs, isRepeatable, signal } = options;
  const policy = retry(
    handleWhen((error) => isWorthRetrying(error, isRepeatable)),
    {
      maxAttempts: delaysMs.length,
      backoff: new DelegateBackoff<IRetryBackoffContext<unknown>>(({ attempt, result }) =>
        pauseMs(delaysMs[attempt - 1] ?? 0, 'error' in result ? result.error : undefined),
      ),
    },
  );
  return await unlessAborted(
    signal,
    policy.execute(() => call(), signal),
  );
}

function isWorthRetrying(error: unknown, isRepeatable: boolean): boolean {
  if (!(error instanceof KubernetesError)) return false;
  if (error.reason === 'TooManyRequests') return true;
  if (error.reason === 'Unreachable' && error.details?.isSent === false) return true;
  return isRepeatable && (error.reason === 'Unreachable' || isPassing(error.apiStatus));
}

/** Statuses of an API server that starts, ends or is behind: 500 is what etcd's absence looks like. */
function isPassing(status: number): boolean {
  return status === 500 || status === 502 || status === 503 || status === 504;
}

function pauseMs(delayMs: number, error: unknown): number {
  const asked = error instanceof KubernetesError ? error.details?.retryAfterSeconds : undefined;
  const least = typeof asked === 'number' ? asked * 1000 : 0;
  return Math.max(delayMs, least) * (1 + JITTER * Math.random());
}
