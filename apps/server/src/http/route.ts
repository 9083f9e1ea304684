import { type Endpoint, MAX_PROMPT_BYTES, ShadowError } from '@shadow/protocol';
import express, { type Request, type RequestHandler, type Response, type Router } from 'express';
import * as z from 'zod';
import type { Principal } from '../access/principal.ts';
import { principalOf } from './auth.ts';
import { parsePart } from './validation.ts';

/** A request as a handler gets it: parsed, and aborted when the caller goes away. */
export interface PublicCall<E extends Endpoint> {
  readonly params: z.output<E['params']>;
  readonly query: z.output<E['query']>;
  readonly body: z.output<E['body']>;
  readonly signal: AbortSignal;
  readonly request: Request;
  readonly response: Response;
}

/** A request behind the gate. */
export interface Call<E extends Endpoint> extends PublicCall<E> {
  readonly principal: Principal;
  readonly userId: string;
}

type Answer<E extends Endpoint> = Promise<z.output<E['response']>>;

/** Serves an endpoint of the table to signed-in callers. */
export function route<E extends Endpoint>(
  router: Router,
  endpoint: E,
  handler: (call: Call<E>) => Answer<E>,
): void {
  serve(router, endpoint, (call) => {
    const principal = principalOf(call.response);
    return handler({ ...call, principal, userId: principal.user.id });
  });
}

/** Serves an endpoint that the table declares public. */
export function publicRoute<E extends Endpoint>(
  router: Router,
  endpoint: E,
  handler: (call: PublicCall<E>) => Answer<E>,
  ...before: RequestHandler[]
): void {
  if (!endpoint.public) throw new Error(`${endpoint.operationId} is not public.`);
  serve(router, endpoint, handler, ...before);
}

function serve<E extends Endpoint>(
  router: Router,
  endpoint: E,
  handler: (call: PublicCall<E>) => Answer<E>,
  ...before: RequestHandler[]
): void {
  const name: RequestHandler = (_request, response, next) => {
    response.locals.operation = endpoint.operationId;
    next();
  };
  router[endpoint.method](
    endpoint.path,
    name,
    ...before,
    ...bodyParsers(endpoint),
    async (request, response) => {
      const aborted = new AbortController();
      response.once('close', () => {
        if (!response.writableFinished) aborted.abort();
      });
      const answer = await handler({
        ...parseRequest(endpoint, request),
        signal: aborted.signal,
        request,
        response,
      });
      if (endpoint.status === 204) response.status(204).end();
      else response.status(endpoint.status).json(answer);
    },
  );
}

function parseRequest<E extends Endpoint>(endpoint: E, request: Request) {
  return {
    params: parsePart<E['params']>(endpoint.params, request.params, 'path'),
    query: parsePart<E['query']>(endpoint.query, request.query, 'query'),
    body: parsePart<E['body']>(endpoint.body, hasBody(endpoint) ? request.body : undefined, 'body'),
  };
}

function hasBody(endpoint: Endpoint): boolean {
  return !(endpoint.body instanceof z.ZodUndefined);
}

const NORMAL_LIMIT_BYTES = 1024 * 1024;
// A prompt over its own limit must still be read, to be told its limit; escapes make JSON up to six times longer.
const PROMPT_LIMIT_BYTES = 8 * 1024 * 1024;
const PROMPT_OPERATIONS: ReadonlySet<string> = new Set(['createTask', 'sendMessage']);

function bodyParsers(endpoint: Endpoint): RequestHandler[] {
  if (!hasBody(endpoint)) return [];
  const takesPrompt = PROMPT_OPERATIONS.has(endpoint.operationId);
  const parse = express.json({ limit: takesPrompt ? PROMPT_LIMIT_BYTES : NORMAL_LIMIT_BYTES, strict: false });
  return [
    requireJson,
    (request, response, next) =>
      parse(request, response, (error: unknown) =>
        next(takesPrompt && isTooLarge(error) ? promptTooLarge() : error),
      ),
  ];
}

const requireJson: RequestHandler = (request, _response, next) => {
  if (request.is('json') === 'json') return next();
  throw new ShadowError(
    'VALIDATION_FAILED',
    'Send a JSON body with the header Content-Type: application/json.',
  );
};

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'type' in error && error.type === 'entity.too.large';
}

function promptTooLarge(): ShadowError {
  return new ShadowError(
    'PROMPT_TOO_LARGE',
    `The prompt is longer than ${MAX_PROMPT_BYTES / 1024} KiB; put long material in a file of the repository.`,
  );
}
