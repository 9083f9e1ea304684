import { createHash } from 'node:crypto';
import { APICallError } from 'ai';
import * as z from 'zod';
import { readProviderFailure } from '../agent/adapters/ai-sdk/provider-errors.ts';
import { redactValues } from '../agent/tools/redact.ts';
import type { ModelEndpoint } from './endpoint.ts';

/** https://docs.claude.com/en/api/versioning */
const ANTHROPIC_VERSION = '2023-06-01';

const listing = z.object({ data: z.array(z.object({ id: z.string() })).nullable() });

export type ListingResult =
  | { ok: true; models: string[] }
  | { ok: false; error: Pick<ReturnType<typeof readProviderFailure>, 'code' | 'message'> };

/**
 * Asks an endpoint for its models. Never throws.
 * @param endpoint where, with which key
 * @param signal ends the request
 */
export async function fetchModels(endpoint: ModelEndpoint, signal: AbortSignal): Promise<ListingResult> {
  try {
    return { ok: true, models: await request(endpoint, signal) };
  } catch (thrown) {
    const { code, message } = readProviderFailure(thrown, endpoint.name, false);
    return {
      ok: false,
      error: { code, message: redactValues(endpoint.apiKey === null ? [] : [endpoint.apiKey])(message) },
    };
  }
}

async function request(endpoint: ModelEndpoint, signal: AbortSignal): Promise<string[]> {
  const url = `${endpoint.baseUrl}/models${endpoint.format === 'anthropic' ? '?limit=1000' : ''}`;
  const response = await fetch(url, { headers: headersOf(endpoint), signal, redirect: 'error' });
  const responseBody = await response.text();
  const failed = (message: string, statusCode: number) =>
    new APICallError({
      message,
      url,
      requestBodyValues: {},
      statusCode,
      responseHeaders: Object.fromEntries(response.headers),
      responseBody,
    });
  if (!response.ok) throw failed(response.statusText, response.status);
  const parsed = listing.safeParse(readJson(responseBody));
  // An answer that is no list of models: not this API, whatever its status says.
  if (!parsed.success) throw failed(`${url} does not answer with a list of models`, 404);
  return (parsed.data.data ?? []).map((model) => model.id);
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function headersOf({ format, apiKey }: ModelEndpoint): Record<string, string> {
  if (format === 'anthropic') return { 'anthropic-version': ANTHROPIC_VERSION, 'x-api-key': apiKey ?? '' };
  return apiKey === null ? {} : { authorization: `Bearer ${apiKey}` };
}

/** Milliseconds that a listing is good for. */
const FRESH_MS = 60_000;
const MAX_ENDPOINTS = 200;

interface Entry {
  /** Null while it is not known, or when the last request failed. */
  models: string[] | null;
  askedAt: number;
  pending: Promise<void>;
}

/** Model listings of endpoints, refreshed in the background: a reader gets what is known and never waits. */
export class ModelListings {
  readonly #entries = new Map<string, Entry>();
  readonly #timeoutMs: number;

  /** @param timeoutMs milliseconds that an endpoint has to answer */
  constructor(timeoutMs = 5000) {
    this.#timeoutMs = timeoutMs;
  }

  /** What is known of an endpoint's models; null when nothing is. Asks again in the background when it is old. */
  peek(endpoint: ModelEndpoint): readonly string[] | null {
    const key = keyOf(endpoint);
    const known = this.#entries.get(key);
    if (known !== undefined && Date.now() - known.askedAt < FRESH_MS) return known.models;
    const entry: Entry = { models: known?.models ?? null, askedAt: Date.now(), pending: Promise.resolve() };
    entry.pending = fetchModels(endpoint, AbortSignal.timeout(this.#timeoutMs)).then((result) => {
      entry.models = result.ok ? result.models : null;
    });
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= MAX_ENDPOINTS) break;
      this.#entries.delete(oldest);
    }
    return entry.models;
  }

  /** Resolves when every request that is under way has ended. */
  async settled(): Promise<void> {
    await Promise.all([...this.#entries.values()].map((entry) => entry.pending));
  }
}

function keyOf({ format, baseUrl, apiKey }: ModelEndpoint): string {
  return createHash('sha256')
    .update(JSON.stringify([format, baseUrl, apiKey]))
    .digest('base64');
}
