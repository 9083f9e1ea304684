import { type Endpoint, endpoints, type OperationId, ShadowError } from '@shadow/protocol';
import * as z from 'zod';
import { parseBaseUrl } from '../base-url.ts';
import { parseEventPage } from '../realtime/parse-events.ts';
import { errorOfAnswer, unreachable, unreadableAnswer } from './errors.ts';
import type { ApiClient } from './types.ts';

export interface ApiClientOptions {
  /** The server's origin with its BASE_PATH; in a browser the path alone (`''` or `/shadow`). */
  baseUrl: string;
  /** Sent as `x-api-key`. Browsers have none: their session cookie goes along by itself. */
  apiKey?: string | undefined;
  /** Default: the global fetch. */
  fetch?: typeof globalThis.fetch | undefined;
  /** Told whenever the server answers UNAUTHENTICATED, before the call rejects. */
  onUnauthenticated?: (() => void) | undefined;
}

/** A call's input when its endpoint is not known statically. */
interface LooseInput {
  params?: Record<string, unknown>;
  query?: Record<string, unknown>;
  body?: unknown;
  signal?: AbortSignal | undefined;
}

/** Makes the typed client of the HTTP API from the table of endpoints. */
export function createApiClient(options: ApiClientOptions): ApiClient {
  const { origin, basePath } = parseBaseUrl(options.baseUrl);
  const root = `${origin ?? ''}${basePath}/api`;
  const names = Object.keys(endpoints) as OperationId[];
  const methods = names.map((name) => {
    const call = (input: LooseInput = {}) => callEndpoint(root, endpoints[name], input, options);
    return [name, call] as const;
  });
  // The table's keys and the mapped type are the same by construction; each answer is parsed with its own schema.
  return Object.fromEntries(methods) as unknown as ApiClient;
}

async function callEndpoint(
  root: string,
  endpoint: Endpoint,
  input: LooseInput,
  options: ApiClientOptions,
): Promise<unknown> {
  const url = `${root}${fillPath(endpoint.path, input.params ?? {})}${queryText(input.query ?? {})}`;
  const response = await send(url, endpoint, input, options);
  const text = await readText(response, input.signal, root);
  if (response.ok) return readAnswer(endpoint, response, text);
  const error = errorOfAnswer(response, text);
  if (error.code === 'UNAUTHENTICATED') options.onUnauthenticated?.();
  throw error;
}

async function send(url: string, endpoint: Endpoint, input: LooseInput, options: ApiClientOptions) {
  const hasBody = !(endpoint.body instanceof z.ZodUndefined);
  const headers: Record<string, string> = { accept: 'application/json' };
  if (hasBody) headers['content-type'] = 'application/json';
  if (options.apiKey !== undefined) headers['x-api-key'] = options.apiKey;
  const request = options.fetch ?? globalThis.fetch;
  try {
    return await request(url, {
      method: endpoint.method.toUpperCase(),
      headers,
      credentials: 'same-origin',
      ...(hasBody ? { body: JSON.stringify(input.body ?? {}) } : {}),
      ...(input.signal === undefined ? {} : { signal: input.signal }),
    });
  } catch (cause) {
    throw unreachable(cause, input.signal, url);
  }
}

async function readText(response: Response, signal: AbortSignal | undefined, root: string): Promise<string> {
  try {
    return await response.text();
  } catch (cause) {
    throw unreachable(cause, signal, root);
  }
}

function readAnswer(endpoint: Endpoint, response: Response, text: string): unknown {
  let json: unknown;
  try {
    json = text === '' ? undefined : JSON.parse(text);
  } catch (cause) {
    throw unreadableAnswer(response, cause);
  }
  if (endpoint.operationId === 'listEvents') {
    const page = parseEventPage(json);
    if (page === undefined) throw unreadableAnswer(response, undefined);
    return page;
  }
  const parsed = endpoint.response.safeParse(json);
  if (!parsed.success) throw unreadableAnswer(response, parsed.error);
  return parsed.data;
}

function fillPath(path: string, params: Record<string, unknown>): string {
  return path.replace(/:([A-Za-z]+)/g, (_, name: string) => {
    const value = String(params[name] ?? '');
    // URL parsers fold dot segments, even escaped ones: such an id would name another route.
    if (value === '' || value === '.' || value === '..') {
      throw new ShadowError('VALIDATION_FAILED', `"${value}" is not a valid ${name}.`);
    }
    return encodeURIComponent(value);
  });
}

function queryText(query: Record<string, unknown>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null) search.set(name, String(value));
  }
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}
