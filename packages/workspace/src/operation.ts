import type { CallOptions } from '@shadow/protocol';
import { failure, type OperationError, ShadowError, toShadowError } from '@shadow/protocol';
import type * as z from 'zod';

/** What an operation comes to: its value, or an error as data. */
type Outcome<T extends object> = ({ success: true } & T) | { success: false; error: OperationError };

/**
 * Runs one operation so that nothing the environment can cause is thrown: the request is parsed with its schema,
 * an aborted signal becomes CANCELLED and every other failure a coded error.
 *
 * @param schema the request's schema; a mismatch yields VALIDATION_FAILED naming field and reason
 * @param request what the caller handed in
 * @param options the call's options; its signal is looked at before the work and after a failure
 * @param work does the operation with the parsed request; may throw ShadowError
 */
export async function operation<S extends z.ZodType, T extends object>(
  schema: S,
  request: unknown,
  options: CallOptions | undefined,
  work: (parsed: z.output<S>, signal: AbortSignal | undefined) => Promise<T>,
): Promise<Outcome<T>> {
  const parsed = schema.safeParse(request);
  if (!parsed.success) return invalid(parsed.error);
  return attempt(options, (signal) => work(parsed.data, signal));
}

/**
 * The same for an operation without a request.
 *
 * @param options the call's options
 * @param work does the operation; may throw ShadowError
 */
export async function attempt<T extends object>(
  options: CallOptions | undefined,
  work: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<Outcome<T>> {
  const signal = options?.signal;
  try {
    if (signal?.aborted) throw cancelled();
    return { success: true, ...(await work(signal)) };
  } catch (thrown) {
    const error = signal?.aborted && !(thrown instanceof ShadowError) ? cancelled() : toShadowError(thrown);
    return { success: false, error: error.toOperationError() };
  }
}

/** The error of a call whose signal was aborted. */
export function cancelled(): ShadowError {
  return new ShadowError('CANCELLED', 'The call was cancelled.');
}

/** Throws CANCELLED once the signal is aborted: for the steps of long work. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled();
}

function invalid(error: z.ZodError): { success: false; error: OperationError } {
  const issues = error.issues.map((issue) => ({
    field: issue.path.length === 0 ? 'request' : issue.path.join('.'),
    reason: issue.message,
  }));
  const summary = issues.map(({ field, reason }) => `${field}: ${reason}`).join('; ');
  return failure('VALIDATION_FAILED', `The request is not valid. ${summary}`, { issues });
}
