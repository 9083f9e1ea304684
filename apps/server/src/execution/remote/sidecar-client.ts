import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import {
  ErrorBody,
  failure,
  IDEMPOTENCY_HEADER,
  type Result,
  ShadowError,
  type SidecarEndpoint,
  toShadowError,
} from '@shadow/protocol';
import axios, { type AxiosRequestConfig, type AxiosResponse } from 'axios';
import * as z from 'zod';
import { isUnwell, type Resilience } from './resilience.ts';
import {
  type Connection,
  type ConnectionOptions,
  MovingConnection,
  type SidecarAddress,
  type SidecarLocator,
} from './sidecar-connection.ts';

export interface SidecarClientOptions extends ConnectionOptions, SidecarAddress {}

/** Of a client whose sidecar may move. */
export interface MovingClientOptions extends ConnectionOptions {
  locator: SidecarLocator;
}

/** A call of an endpoint of the table. */
export interface SidecarRequest {
  params?: Readonly<Record<string, string>>;
  /** Undefined values are left out. */
  query?: Readonly<Record<string, string | number | boolean | undefined>>;
  body?: unknown;
  signal?: AbortSignal | undefined;
  /** Milliseconds that this call may take instead of the client's own. */
  timeoutMs?: number | undefined;
  /** Of a mutation; one is made up when there is none, since every write is keyed. */
  idempotencyKey?: string | undefined;
}

/** A request that can be cut. */
type SignalledConfig = AxiosRequestConfig & { signal: AbortSignal };

/** A stream that has begun. */
export interface OpenStream {
  body: Readable;
  headers: Readonly<Record<string, unknown>>;
}

/** Speaks with one sidecar: retries, breaker, timeouts, and every answer parsed. */
export class SidecarClient {
  readonly #connection: MovingConnection;
  readonly #closing = new AbortController();

  constructor(options: SidecarClientOptions | MovingClientOptions) {
    const locator = 'locator' in options ? options.locator : { locate: async () => options };
    this.#connection = new MovingConnection(locator, options);
  }

  /** Retry and breaker of the sidecar as it was last known. */
  get resilience(): Resilience {
    return this.#connection.resilience;
  }

  /** Why commands that ran after then were lost, for people; undefined when nobody knows. */
  async whyLost(since: Date): Promise<string | undefined> {
    return await this.#connection.whyLost(since);
  }

  /** Aborts when the client is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Finds the sidecar, where it is not found yet. @throws ShadowError as the locator does */
  async connect(signal: AbortSignal): Promise<void> {
    await this.#connection.get(signal);
  }

  /** Calls an endpoint that answers with JSON. Never throws; failures are those of the sidecar, by code, or of the way. */
  async call<E extends SidecarEndpoint>(
    endpoint: E,
    request: SidecarRequest = {},
  ): Promise<Result<z.output<E['response']> & object>> {
    return await caught(async () => {
      const config = this.#configOf(endpoint, request);
      return await this.#run(request.signal, async (connection) => {
        const response = await this.#send(connection, { ...config, responseType: 'text' });
        return parseAnswer(endpoint, response.status, response.data);
      });
    });
  }

  /**
   * Begins a stream. An answer that is an error comes as a failed result.
   *
   * @param accept media type asked for where the endpoint has several
   * @param body makes the bytes to send, anew for each try
   */
  async open(
    endpoint: SidecarEndpoint,
    request: SidecarRequest,
    accept?: string,
  ): Promise<Result<OpenStream>> {
    return await caught(async () => {
      const config = this.#configOf(endpoint, request);
      const headers = { ...config.headers, ...(accept === undefined ? {} : { Accept: accept }) };
      return await this.#run(request.signal, async (connection) => {
        const response = await this.#send(connection, { ...config, headers, responseType: 'stream' });
        const body: Readable = response.data;
        if (response.status === endpoint.status) return { success: true, body, headers: response.headers };
        return parseFailure(response.status, await readAll(body));
      });
    });
  }

  /**
   * Sends bytes as a request's body.
   *
   * @param content makes them, anew for each try; undefined when they cannot be had again
   */
  async upload<E extends SidecarEndpoint>(
    endpoint: E,
    request: SidecarRequest,
    content: () => Readable | undefined,
  ): Promise<Result<z.output<E['response']> & object>> {
    let lastError: ShadowError | undefined;
    return await caught(async () => {
      const config = this.#configOf(endpoint, request);
      return await this.#run(request.signal, async (connection) => {
        const data = content();
        // Sent once and not held: what went wrong then is all there is to say.
        if (data === undefined) return failed(lastError);
        const headers = { ...config.headers, 'Content-Type': 'application/octet-stream' };
        try {
          const response = await this.#send(connection, { ...config, headers, data, responseType: 'text' });
          return parseAnswer(endpoint, response.status, response.data);
        } catch (error) {
          lastError = toShadowError(error);
          throw error;
        } finally {
          data.destroy();
        }
      });
    });
  }

  /** Cuts what is under way and lets go of the connections. */
  close(): void {
    this.#closing.abort();
    this.#connection.close();
  }

  #configOf(endpoint: SidecarEndpoint, request: SidecarRequest): SignalledConfig {
    if (request.signal?.aborted === true) throw cancelled();
    const signals = [this.#closing.signal, ...(request.signal === undefined ? [] : [request.signal])];
    const isWrite = endpoint.effect !== 'read';
    return {
      method: endpoint.method,
      url: pathOf(endpoint, request.params ?? {}),
      params: request.query ?? {},
      signal: AbortSignal.any(signals),
      ...(request.timeoutMs === undefined ? {} : { timeout: request.timeoutMs }),
      headers: {
        ...(request.body === undefined ? {} : { 'Content-Type': 'application/json' }),
        // One key for all tries of this call.
        ...(isWrite ? { [IDEMPOTENCY_HEADER]: request.idempotencyKey ?? randomUUID() } : {}),
      },
      ...(request.body === undefined ? {} : { data: JSON.stringify(request.body) }),
    };
  }

  /** Runs a call against the sidecar wherever it is by then, once more at another place when its token was another. */
  async #run<T extends object>(
    signal: AbortSignal | undefined,
    call: (connection: Connection) => Promise<Result<T>>,
  ): Promise<Result<T>> {
    // The breaker is the sidecar's: one that was replaced does not answer for its successor.
    const { resilience } = await this.#connection.get(signal);
    return await resilience.run(signal, async () => {
      const connection = await this.#connection.get(signal);
      const result = await this.#attempt(connection, call);
      if (result.success || result.error.code !== 'TOKEN_INVALID') return result;
      this.#connection.doubt(connection);
      const next = await this.#connection.get(signal);
      return next === connection ? result : await this.#attempt(next, call);
    });
  }

  async #attempt<T>(connection: Connection, call: (connection: Connection) => Promise<T>): Promise<T> {
    try {
      return await call(connection);
    } catch (error) {
      if (isUnwell(error)) this.#connection.doubt(connection);
      throw error;
    }
  }

  async #send(
    { http, address: { gone } }: Connection,
    { signal, ...config }: SignalledConfig,
  ): Promise<AxiosResponse> {
    try {
      const signals = gone === undefined ? [signal] : [signal, gone];
      return await http.request({ ...config, signal: AbortSignal.any(signals) });
    } catch (error) {
      throw transportError(error, signal.aborted);
    }
  }
}

/** @throws ShadowError VALIDATION_FAILED for a parameter that cannot stand in a path */
function pathOf(endpoint: SidecarEndpoint, params: Readonly<Record<string, string>>): string {
  const parsed = endpoint.params.safeParse(params);
  if (!parsed.success) throw new ShadowError('VALIDATION_FAILED', z.prettifyError(parsed.error));
  return endpoint.path.replaceAll(/:(\w+)/g, (_match, name: string) =>
    encodeURIComponent(params[name] ?? ''),
  );
}

function parseAnswer<E extends SidecarEndpoint>(
  endpoint: E,
  status: number,
  text: unknown,
): Result<z.output<E['response']> & object> {
  if (status !== endpoint.status) return parseFailure(status, String(text));
  const parsed = endpoint.response.safeParse(parseJson(String(text)));
  if (!parsed.success) {
    throw new ShadowError(
      'INTERNAL',
      `The sidecar’s answer to ${endpoint.operationId} is not of the expected form.`,
      { cause: parsed.error },
    );
  }
  // The schema is this endpoint's own, which TypeScript loses on the way through the constraint.
  return { success: true, ...(parsed.data as z.output<E['response']> & object) };
}

/** The sidecar's own error as it was there; anything else in its place is the way's. @throws ShadowError when it is unwell */
function parseFailure(status: number, text: string): { success: false; error: ErrorBody['error'] } {
  const body = ErrorBody.safeParse(parseJson(text));
  if (!body.success) {
    if (status >= 500)
      throw new ShadowError('UNAVAILABLE', `The way to the sidecar answers with status ${status}.`);
    return failure('INTERNAL', `The sidecar answers with status ${status} and no reason.`);
  }
  const { error } = body.data;
  if (error.code === 'UNAVAILABLE' || error.code === 'INTERNAL') throw ShadowError.from(error);
  return { success: false, error };
}

function transportError(error: unknown, isAborted: boolean): ShadowError {
  if (isAborted) return cancelled();
  const code = axios.isAxiosError(error) ? error.code : undefined;
  if (code === 'ECONNABORTED' || code === 'ETIMEDOUT') {
    return new ShadowError('TIMEOUT', 'The sidecar of this workspace did not answer in time.', {
      cause: error,
    });
  }
  // The way there has words of its own: a refused permission is no matter of patience, the rest may pass.
  const why = axios.isAxiosError(error) && error.cause instanceof ShadowError ? error.cause : undefined;
  if (why?.code === 'PERMISSION_DENIED') return why;
  const words = why === undefined ? '.' : `: ${why.message}`;
  return new ShadowError('UNAVAILABLE', `The sidecar of this workspace cannot be reached${words}`, {
    cause: error,
    ...(code === undefined ? {} : { details: { reason: code } }),
  });
}

async function caught<T extends object>(work: () => Promise<Result<T>>): Promise<Result<T>> {
  try {
    return await work();
  } catch (error) {
    return failed(toShadowError(error));
  }
}

function failed(error: ShadowError | undefined): { success: false; error: ErrorBody['error'] } {
  return { success: false, error: (error ?? cancelled()).toOperationError() };
}

function cancelled(): ShadowError {
  return new ShadowError('CANCELLED', 'The call was cancelled.');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readAll(body: Readable): Promise<string> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of body) chunks.push(chunk);
  } catch {
    // What came of it decides; half an error body is none.
  }
  return Buffer.concat(chunks).toString('utf8');
}
