import type { IncomingMessage } from 'node:http';
import { request as send } from 'node:https';
import { ShadowError } from '@shadow/protocol';
import type { Counter } from 'prom-client';
import { noCredentials, refusal, unreachable } from './api-failure.ts';
import { RETRY_DELAYS_MS, withRetries } from './api-retry.ts';
import type { Admission, ClusterAccess } from './cluster-access.ts';
import type { KubernetesError } from './kubernetes-error.ts';

export interface ApiRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Such as `/api/v1/namespaces/shadow/pods`. */
  path: string;
  /** Undefined values are left out. */
  query?: Readonly<Record<string, string | number | boolean | undefined>>;
  body?: unknown;
  /** What is done to what, as RBAC says it: for the metric. */
  verb: string;
  resource: string;
  /** Whether it may be made again when nobody knows if it arrived. */
  isRepeatable: boolean;
  signal?: AbortSignal | undefined;
}

export interface TransportOptions {
  /** Milliseconds that one try of a call may take; default 15,000. */
  timeoutMs?: number;
  /** Milliseconds before each further try. */
  retryDelaysMs?: readonly number[];
  /** Counts requests as they are sent, repeated ones again. */
  requests?: Counter<'verb' | 'resource' | 'status'>;
}

/** Bytes of an answer that is read as a whole: a page of 500 large objects. */
const MAX_ANSWER = 64 * 1024 * 1024;

/**
 * Requests to the API server over connections that are kept. The client library's own way makes a new connection for each
 * request (a dispatcher each, as of 2.0.1), and puts headers and bodies into its errors; of it come types and kubeconfigs.
 */
export class ApiTransport {
  readonly access: ClusterAccess;
  readonly #timeoutMs: number;
  readonly #delaysMs: readonly number[];
  readonly #requests: TransportOptions['requests'];
  readonly #closing = new AbortController();

  constructor(access: ClusterAccess, options: TransportOptions = {}) {
    this.access = access;
    this.#timeoutMs = options.timeoutMs ?? 15_000;
    this.#delaysMs = options.retryDelaysMs ?? RETRY_DELAYS_MS;
    this.#requests = options.requests;
  }

  /** Aborts when the connection to the cluster is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Makes a call, again where that helps. @returns its answer as parsed JSON @throws KubernetesError, ShadowError CANCELLED */
  async call(request: ApiRequest): Promise<unknown> {
    const { isRepeatable } = request;
    const signal = this.#stopOf(request);
    return await withRetries({ isRepeatable, signal, delaysMs: this.#delaysMs }, () =>
      this.#callOnce(request),
    );
  }

  /**
   * Begins an answer that goes on, such as a watch. Tried once.
   * @param request whose signal also ends the answer
   * @throws KubernetesError, ShadowError CANCELLED
   */
  async open(request: ApiRequest): Promise<IncomingMessage> {
    const admission = await this.#admission();
    const response = await this.#exchange(request, admission, admission.streams, this.#timeoutMs);
    if (response.statusCode === 200) return response;
    throw await this.#refused(request, response, this.#timeoutMs);
  }

  /** Cuts everything that is under way. */
  close(): void {
    this.#closing.abort();
    this.access.close();
  }

  async #callOnce(request: ApiRequest): Promise<unknown> {
    const admission = await this.#admission();
    const deadline = Date.now() + this.#timeoutMs;
    const response = await this.#exchange(request, admission, admission.calls, this.#timeoutMs);
    const { statusCode = 0 } = response;
    const remainingMs = Math.max(1, deadline - Date.now());
    if (statusCode < 200 || statusCode > 299) throw await this.#refused(request, response, remainingMs);
    const text = await this.#readAll(request, response, remainingMs);
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw unreachable(cause, this.access);
    }
  }

  async #admission(): Promise<Admission> {
    try {
      return await this.access.admission();
    } catch (cause) {
      throw noCredentials(cause, this.access);
    }
  }

  async #refused(
    request: ApiRequest,
    response: IncomingMessage,
    timeoutMs: number,
  ): Promise<KubernetesError> {
    const { statusCode = 0 } = response;
    if (statusCode === 401) this.access.expire();
    return refusal(statusCode, await this.#readAll(request, response, timeoutMs), this.access, request);
  }

  /** Sends a request. @returns its answer, whose body is still to be read */
  async #exchange(
    request: ApiRequest,
    { headers }: Admission,
    agent: Admission['calls'],
    timeoutMs: number,
  ): Promise<IncomingMessage> {
    const { method, body } = request;
    const stop = this.#stopOf(request);
    if (stop.aborted) throw cancelled();
    const text = body === undefined ? undefined : JSON.stringify(body);
    const url = new URL(`${this.access.server}${request.path}`);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const sent = send(url, {
          method,
          agent,
          signal: stop,
          headers: { ...headers, ...bodyHeaders(method, text) },
        });
        const timer = setTimeout(() => sent.destroy(late(timeoutMs)), timeoutMs);
        sent.once('response', resolve).on('error', reject);
        sent.once('close', () => clearTimeout(timer)).once('response', () => clearTimeout(timer));
        sent.end(text);
      });
      this.#count(request, String(response.statusCode));
      return response;
    } catch (cause) {
      if (stop.aborted) throw cancelled();
      this.#count(request, 'none');
      throw unreachable(cause, this.access);
    }
  }

  async #readAll(request: ApiRequest, response: IncomingMessage, timeoutMs: number): Promise<string> {
    const timer = setTimeout(() => response.destroy(late(timeoutMs)), timeoutMs);
    const chunks: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const chunk of response) {
        size += chunk.length;
        if (size > MAX_ANSWER) throw new Error('its answer is too large');
        chunks.push(chunk);
      }
      return Buffer.concat(chunks).toString('utf8');
    } catch (cause) {
      if (request.signal?.aborted || this.closing.aborted) throw cancelled();
      throw unreachable(cause, this.access);
    } finally {
      clearTimeout(timer);
    }
  }

  #stopOf({ signal }: ApiRequest): AbortSignal {
    return signal === undefined ? this.closing : AbortSignal.any([signal, this.closing]);
  }

  #count({ verb, resource }: ApiRequest, status: string): void {
    this.#requests?.inc({ verb, resource, status });
  }
}

function bodyHeaders(method: ApiRequest['method'], text: string | undefined): Record<string, string> {
  const headers = { Accept: 'application/json', 'User-Agent': 'shadow' };
  if (text === undefined) return headers;
  return {
    ...headers,
    'Content-Type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
    'Content-Length': String(Buffer.byteLength(text)),
  };
}

function late(timeoutMs: number): Error {
  return Object.assign(new Error(`no answer within ${timeoutMs} ms`), { code: 'ETIMEDOUT' });
}

function cancelled(): ShadowError {
  return new ShadowError('CANCELLED', 'The call was cancelled.');
}
