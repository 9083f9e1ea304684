import { ErrorBody, type ErrorCode, ShadowError } from '@shadow/protocol';
import * as z from 'zod';

/** An error of a newer server: its code may be unknown here, its message is still worth showing. */
const MessageOnly = z.object({ error: z.object({ message: z.string() }) });

/**
 * The error that a failed answer carries, rebuilt by its code. An answer that is not Shadow's own (a proxy's page, say)
 * becomes UNAVAILABLE, or what its status says plainly.
 */
export function errorOfAnswer(response: Response, text: string): ShadowError {
  const json = parseJson(text);
  const known = ErrorBody.safeParse(json);
  if (known.success) return ShadowError.from(known.data.error);
  const foreign = MessageOnly.safeParse(json);
  const message = foreign.success
    ? foreign.data.error.message
    : `The server at ${place(response.url)} answered ${response.status} without saying why; is it Shadow, and the right path?`;
  return new ShadowError(codeOfStatus(response.status), message, { details: { status: response.status } });
}

/** An answer that says success but cannot be read: no JSON, or not of the shape that was agreed. */
export function unreadableAnswer(response: Response, cause: unknown): ShadowError {
  return new ShadowError(
    'UNAVAILABLE',
    `The answer of ${place(response.url)} is not what this version of Shadow understands; is it a Shadow server, and as new as this client?`,
    { cause, retryable: false, details: { status: response.status } },
  );
}

/** What a fetch that threw means: CANCELLED after an abort, else UNAVAILABLE with the network's reason. */
export function unreachable(cause: unknown, signal: AbortSignal | undefined, url: string): ShadowError {
  if (signal?.aborted) return new ShadowError('CANCELLED', 'The call was cancelled.', { cause });
  return new ShadowError('UNAVAILABLE', `Cannot reach the server at ${place(url)}${reasonOf(cause)}.`, {
    cause,
  });
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 401) return 'UNAUTHENTICATED';
  if (status === 403) return 'FORBIDDEN';
  if (status === 404) return 'NOT_FOUND';
  if (status === 429) return 'RATE_LIMITED';
  return status >= 500 ? 'UNAVAILABLE' : 'INTERNAL';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Origin and path without the query, which may hold what a person typed. */
function place(url: string): string {
  const bare = url.replace(/[?#].*$/s, '');
  return bare === '' ? 'this address' : bare;
}

/** Node puts the system's code (ECONNREFUSED, ENOTFOUND, …) on the cause of fetch's TypeError. */
function reasonOf(thrown: unknown): string {
  const Coded = z.object({ cause: z.object({ code: z.string() }) });
  const coded = Coded.safeParse(thrown);
  return coded.success ? ` (${coded.data.cause.code})` : '';
}
