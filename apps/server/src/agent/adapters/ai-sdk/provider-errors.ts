import type { ErrorCode } from '@shadow/protocol';
import { APICallError } from 'ai';
import * as z from 'zod';

/** A failed model call, told by code. */
export interface ProviderFailure {
  code: Extract<
    ErrorCode,
    | 'PROVIDER_AUTH_FAILED'
    | 'PROVIDER_RATE_LIMITED'
    | 'PROVIDER_OVERLOADED'
    | 'PROVIDER_UNREACHABLE'
    | 'PROVIDER_FAILED'
    | 'MODEL_UNKNOWN'
    | 'STREAM_INTERRUPTED'
  >;
  /** For the person: the provider's own words, and what to do. */
  message: string;
  /** Whether asking again may help. */
  retryable: boolean;
  /** Milliseconds that the provider asks to wait; null when it says nothing. */
  retryAfterMs: number | null;
}

const errorBody = z.object({
  error: z.union([
    z.string().transform((message) => ({ message, type: undefined, code: undefined })),
    z.object({
      message: z.string(),
      type: z.string().nullish(),
      code: z.union([z.string(), z.number()]).nullish(),
    }),
  ]),
});

/** An error event inside a stream, as the SDK hands it on. */
const streamError = z.object({
  message: z.string(),
  type: z.string().nullish(),
  code: z.union([z.string(), z.number()]).nullish(),
  statusCode: z.number().nullish(),
});

interface Facts {
  status: number | null;
  /** The provider's machine-readable names of the error. */
  names: readonly string[];
  words: string;
  retryAfterMs: number | null;
}

/**
 * Reads what a model call threw, or an error part of its stream.
 * @param thrown whatever it was
 * @param provider name for people
 * @param started true when the stream had begun, so that a broken connection means a cut
 */
export function readProviderFailure(thrown: unknown, provider: string, started: boolean): ProviderFailure {
  const facts = factsOf(thrown);
  if (facts === null) return connectionFailure(thrown, provider, started || hasBegun(thrown));
  const failure = classify(facts, provider);
  return { ...failure, retryAfterMs: facts.retryAfterMs };
}

function factsOf(thrown: unknown): Facts | null {
  if (APICallError.isInstance(thrown)) {
    if (thrown.statusCode === undefined || hasBegun(thrown)) return null;
    const body = parseBody(thrown.responseBody);
    return {
      status: thrown.statusCode,
      names: body?.names ?? [],
      words: body?.words ?? thrown.message,
      retryAfterMs: retryAfter(thrown.responseHeaders ?? {}),
    };
  }
  const event = streamError.safeParse(thrown);
  if (!event.success) return null;
  const { message, type, code, statusCode } = event.data;
  const names = namesOf(type, code);
  const status = statusCode ?? (typeof code === 'number' ? code : null);
  // A system error (ECONNRESET and such) has a code too, but it is no answer of the provider.
  if (status === null && !names.some((name) => KNOWN_NAMES.has(name))) return null;
  return { status, names, words: message, retryAfterMs: null };
}

/** Whether the answer had begun with success: what failed then was its transport. */
function hasBegun(thrown: unknown): boolean {
  return APICallError.isInstance(thrown) && thrown.statusCode !== undefined && thrown.statusCode < 300;
}

function parseBody(text: string | undefined): { names: string[]; words: string } | null {
  if (text === undefined) return null;
  try {
    const parsed = errorBody.safeParse(JSON.parse(text));
    if (!parsed.success) return null;
    const { message, type, code } = parsed.data.error;
    return { names: namesOf(type, code), words: message };
  } catch {
    return null;
  }
}

function namesOf(...candidates: (string | number | null | undefined)[]): string[] {
  return candidates.filter((name) => typeof name === 'string');
}

const OVERLOADED = new Set(['overloaded_error', 'overloaded', 'server_overloaded']);
const RATE_LIMITED = new Set(['rate_limit_error', 'rate_limit_exceeded']);
const FAILED = new Set(['api_error', 'server_error', 'internal_error', 'timeout_error']);
/** An empty account does not fill up by waiting. */
const EXHAUSTED = new Set(['insufficient_quota', 'billing_error', 'credit_balance_too_low']);
const KNOWN_NAMES = new Set([...OVERLOADED, ...RATE_LIMITED, ...FAILED, ...EXHAUSTED]);

function classify({ status, names, words }: Facts, provider: string): Omit<ProviderFailure, 'retryAfterMs'> {
  const has = (set: ReadonlySet<string>) => names.some((name) => set.has(name));
  const said = status === null ? words : `${words} (HTTP ${status})`;
  if (status === 401 || status === 403) {
    return {
      code: 'PROVIDER_AUTH_FAILED',
      message: `${provider} refused the key: ${said}. Check the key in the settings.`,
      retryable: false,
    };
  }
  if (has(EXHAUSTED)) {
    return {
      code: 'PROVIDER_RATE_LIMITED',
      message: `The account at ${provider} has no credit or quota left: ${said}`,
      retryable: false,
    };
  }
  if (status === 429 || (status === null && has(RATE_LIMITED))) {
    return {
      code: 'PROVIDER_RATE_LIMITED',
      message: `${provider} limits the rate of calls: ${said}`,
      retryable: true,
    };
  }
  if (status === 529 || status === 503 || has(OVERLOADED)) {
    return { code: 'PROVIDER_OVERLOADED', message: `${provider} is overloaded: ${said}`, retryable: true };
  }
  if (status === 404) {
    return {
      code: 'MODEL_UNKNOWN',
      message: `${provider} knows no such model or endpoint: ${said}. Choose another model, or check the endpoint's address.`,
      retryable: false,
    };
  }
  const retryable = status === null || status === 408 || status >= 500;
  return { code: 'PROVIDER_FAILED', message: `${provider} answered with an error: ${said}`, retryable };
}

function connectionFailure(thrown: unknown, provider: string, started: boolean): ProviderFailure {
  const why = reasonOf(thrown);
  if (started) {
    return {
      code: 'STREAM_INTERRUPTED',
      message: `The answer of ${provider} was cut off in the middle (${why}).`,
      retryable: true,
      retryAfterMs: null,
    };
  }
  return {
    code: 'PROVIDER_UNREACHABLE',
    message: `${provider} could not be reached (${why}). Check the network and the endpoint's address.`,
    retryable: true,
    retryAfterMs: null,
  };
}

/** The innermost cause's code or message: "fetch failed" alone says nothing. */
function reasonOf(thrown: unknown): string {
  let error = thrown;
  while (error instanceof Error && error.cause instanceof Error) error = error.cause;
  if (!(error instanceof Error)) return 'no reason given';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : null;
  return code ?? error.message;
}

/** Milliseconds of a Retry-After header (seconds or a date, RFC 9110 §10.2.3) or of `retry-after-ms`. */
function retryAfter(headers: Readonly<Record<string, string>>): number | null {
  const milliseconds = Number(headers['retry-after-ms']);
  if (headers['retry-after-ms'] !== undefined && Number.isFinite(milliseconds))
    return Math.max(0, milliseconds);
  const value = headers['retry-after'];
  if (value === undefined) return null;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - Date.now());
}
