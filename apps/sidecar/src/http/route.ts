import { createHash } from 'node:crypto';
import {
  IDEMPOTENCY_HEADER,
  IdempotencyKey,
  isFinal,
  type Result,
  ShadowError,
  type SidecarEndpoint,
} from '@shadow/protocol';
import type { Request, RequestHandler, Response, Router } from 'express';
import type { Logger } from 'pino';
import * as z from 'zod';
import { revocationOf } from '../auth.ts';
import type { LimitsConfig } from '../config.ts';
import type { SidecarContext } from '../context.ts';
import type { StoredAnswer } from '../idempotency/answer-store.ts';
import { ByteBody, bodyHashOf, jsonBody } from './body.ts';
import { errorBody } from './errors.ts';

/** A request as a handler gets it. */
export interface Call<E extends SidecarEndpoint> {
  readonly params: z.output<E['params']>;
  readonly query: z.output<E['query']>;
  readonly body: z.output<E['body']>;
  /** Aborts when the caller goes away; never for a keyed mutation, which ends what it began unless it streams. */
  readonly signal: AbortSignal;
  /** Aborts when the token it came with opens the sidecar no more: streams end then. */
  readonly revoked: AbortSignal;
  readonly idempotencyKey: string | undefined;
  readonly request: Request;
  readonly response: Response;
}

type Outcome<E extends SidecarEndpoint> = Promise<Result<z.input<E['response']> & object>>;

/** Serves an endpoint that answers with JSON; a mutation with a key runs once, however often it is asked for. */
export function jsonRoute<E extends SidecarEndpoint>(
  router: Router,
  context: SidecarContext,
  endpoint: E,
  handler: (call: Call<E>) => Outcome<E>,
): void {
  register(router, context, endpoint, async (call) => {
    sendAnswer(call.response, await keyedAnswer(context, endpoint, call, () => handler(call)));
  });
}

/** What a call comes to; a mutation whose key was there before gets the answer of the first. */
export async function keyedAnswer<E extends SidecarEndpoint, T extends object>(
  { answers, log }: Pick<SidecarContext, 'answers' | 'log'>,
  endpoint: E,
  { idempotencyKey: key, request }: Pick<Call<E>, 'idempotencyKey' | 'request'>,
  work: () => Promise<Result<T>>,
): Promise<StoredAnswer> {
  const run = async () => toAnswer(log, endpoint, await work());
  if (endpoint.effect === 'read' || key === undefined) return await run();
  return await answers.once({
    key,
    run,
    converges: endpoint.effect === 'converging-write',
    fingerprint: async () => fingerprintOf(endpoint, request, bodyHashOf(request)),
  });
}

/** Serves an endpoint whose body is bytes; their hash takes part in telling repeats apart. */
export function uploadRoute<E extends SidecarEndpoint>(
  router: Router,
  context: SidecarContext,
  endpoint: E,
  handler: (call: Call<E>, content: AsyncIterable<Uint8Array>) => Outcome<E>,
  limits: Pick<LimitsConfig, 'maxUploadBytes' | 'bodyIdleMs'> = context.limits,
): void {
  register(router, context, endpoint, async (call) => {
    const content = new ByteBody(call.request, limits);
    const run = async () => toAnswer(context.log, endpoint, await handler(call, content));
    const key = call.idempotencyKey;
    const fingerprint = async () => fingerprintOf(endpoint, call.request, await content.digest());
    const converges = endpoint.effect === 'converging-write';
    const answer =
      key === undefined ? await run() : await context.answers.once({ key, run, converges, fingerprint });
    sendAnswer(call.response, answer);
  });
}

/** Serves an endpoint that writes its answer itself. */
export function streamRoute<E extends SidecarEndpoint>(
  router: Router,
  context: SidecarContext,
  endpoint: E,
  handler: (call: Call<E>) => Promise<void>,
): void {
  register(router, context, endpoint, handler);
}

function register<E extends SidecarEndpoint>(
  router: Router,
  context: SidecarContext,
  endpoint: E,
  handler: (call: Call<E>) => Promise<void>,
): void {
  const hasBody = !(endpoint.body instanceof z.ZodUndefined);
  const isLong = endpoint.answer === 'events' || endpoint.answer === 'frames' || endpoint.method === 'put';
  const slots = isLong ? context.slots.streams : context.slots.requests;
  const enter: RequestHandler = (_request, response, next) => {
    response.locals.operation = endpoint.operationId;
    if (!endpoint.public) response.once('close', slots.take());
    next();
  };
  const parsers = hasBody ? jsonBody(context.limits) : [];
  router[endpoint.method](endpoint.path, enter, ...parsers, async (request, response) => {
    await handler(parseCall(endpoint, request, response));
  });
}

function parseCall<E extends SidecarEndpoint>(endpoint: E, request: Request, response: Response): Call<E> {
  const idempotencyKey = parseKey(request);
  const gone = new AbortController();
  const isStream = endpoint.answer === 'events';
  const runsToItsEnd = endpoint.effect !== 'read' && idempotencyKey !== undefined && !isStream;
  if (!runsToItsEnd) {
    response.once('close', () => {
      if (!response.writableFinished) gone.abort();
    });
  }
  return {
    params: parsePart<E['params']>(endpoint.params, request.params, 'path'),
    query: parsePart<E['query']>(endpoint.query, request.query, 'query'),
    body: parsePart<E['body']>(endpoint.body, request.body, 'body'),
    signal: gone.signal,
    revoked: revocationOf(request),
    idempotencyKey,
    request,
    response,
  };
}

function parsePart<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  where: string,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => ({
    field: [where, ...path].join('.'),
    reason: message,
  }));
  const summary = issues.map(({ field, reason }) => `${field}: ${reason}`).join('; ');
  throw new ShadowError('VALIDATION_FAILED', `The request is not valid. ${summary}`, { details: { issues } });
}

function parseKey(request: Request): string | undefined {
  const given = request.get(IDEMPOTENCY_HEADER);
  return given === undefined ? undefined : parsePart(IdempotencyKey, given, IDEMPOTENCY_HEADER);
}

function fingerprintOf(endpoint: SidecarEndpoint, request: Request, bodyHash: string): string {
  const identity = [endpoint.operationId, request.originalUrl, bodyHash];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex');
}

function toAnswer<T extends object>(
  log: Logger,
  endpoint: SidecarEndpoint,
  result: Result<T>,
): StoredAnswer & { remember: boolean } {
  if (result.success) {
    const { success: _, ...body } = result;
    return { status: endpoint.status, body, remember: true };
  }
  const { error } = result;
  const failed = ShadowError.from(error);
  // The caller is told that this log has the details.
  if (failed.code === 'INTERNAL')
    log.error({ err: failed, operation: endpoint.operationId }, 'request failed');
  return { status: failed.status, body: errorBody(error), remember: isFinal(error) };
}

function sendAnswer(response: Response, { status, body }: StoredAnswer): void {
  response.status(status).json(body);
}
