import { type ErrorCode, ShadowError } from '@shadow/protocol';
import {
  type BrokenCircuitError,
  type CircuitBreakerPolicy,
  ConsecutiveBreaker,
  circuitBreaker,
  DelegateBackoff,
  handleWhen,
  type IPolicy,
  isBrokenCircuitError,
  retry,
  wrap,
} from 'cockatiel';
import type { Logger } from 'pino';
import { unlessAborted } from './unless-aborted.ts';

/** How hard a client tries; the defaults are those of docs/execution.md. */
export interface ResilienceOptions {
  /** Milliseconds before each further try of what may be repeated; default 1 s, 2 s, 4 s. */
  retryDelaysMs?: readonly number[];
  /** Share by which a delay is drawn shorter or longer, so that many clients do not come back at once; default 0.2. */
  jitter?: number;
  /** Failures in a row that open the breaker; default 5. */
  breakAfter?: number;
  /** Milliseconds until an open breaker lets one call through; default 60,000. */
  halfOpenAfterMs?: number;
}

/** Codes that, when thrown here, say that the sidecar itself is not well; any other answer shows that it works. */
const UNWELL: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['UNAVAILABLE', 'INTERNAL', 'TIMEOUT']);

/** Retry and circuit breaker in front of one sidecar. */
export class Resilience {
  readonly #breaker: CircuitBreakerPolicy;
  readonly #retrying: IPolicy;
  readonly #delaysMs: readonly number[];
  readonly #jitter: number;

  constructor(log: Logger, options: ResilienceOptions = {}) {
    this.#delaysMs = options.retryDelaysMs ?? [1000, 2000, 4000];
    this.#jitter = options.jitter ?? 0.2;
    this.#breaker = circuitBreaker(handleWhen(isUnwell), {
      halfOpenAfter: options.halfOpenAfterMs ?? 60_000,
      breaker: new ConsecutiveBreaker(options.breakAfter ?? 5),
    });
    const again = retry(handleWhen(isWorthRetrying), {
      maxAttempts: this.#delaysMs.length,
      backoff: new DelegateBackoff(({ attempt }) => this.delayMs(attempt - 1)),
    });
    this.#retrying = wrap(again, this.#breaker);
    this.#logStates(log);
  }

  /** Tries that may follow the first. */
  get retries(): number {
    return this.#delaysMs.length;
  }

  /** Milliseconds to wait before the given further try, counted from 0. */
  delayMs(attempt: number): number {
    const delay = this.#delaysMs[Math.min(attempt, this.#delaysMs.length - 1)] ?? 0;
    return delay * (1 + this.#jitter * (2 * Math.random() - 1));
  }

  /**
   * Makes a call that may be repeated: a read, or a mutation with a key.
   *
   * @throws ShadowError CIRCUIT_OPEN without trying, or what the last try threw
   */
  async run<T>(signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
    try {
      return await unlessAborted(
        signal,
        this.#retrying.execute(() => call(), signal),
      );
    } catch (error) {
      if (isBrokenCircuitError(error)) throw circuitOpen(error);
      throw error;
    }
  }

  #logStates(log: Logger): void {
    // Written out, since it is what people search the log for.
    this.#breaker.onBreak(() =>
      log.warn('[REMOTE_TOOL] circuit breaker opened: the sidecar does not answer'),
    );
    this.#breaker.onHalfOpen(() => log.info('[REMOTE_TOOL] circuit breaker half-open: trying one call'));
    this.#breaker.onReset(() => log.info('[REMOTE_TOOL] circuit breaker closed: the sidecar answers again'));
  }
}

/** Whether this failure says that the sidecar itself is not well. */
export function isUnwell(error: unknown): boolean {
  return error instanceof ShadowError && UNWELL.has(error.code);
}

function isWorthRetrying(error: unknown): boolean {
  return error instanceof ShadowError && error.code === 'UNAVAILABLE';
}

function circuitOpen(cause: BrokenCircuitError): ShadowError {
  return new ShadowError(
    'CIRCUIT_OPEN',
    'The workspace’s sidecar has failed several times in a row and is left alone for a while.',
    { cause },
  );
}
