import { type ErrorBody, type OperationError, ShadowError, toShadowError } from '@shadow/protocol';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { Logger } from 'pino';
import * as z from 'zod';

/** Answers what no route took. */
export const notFound: RequestHandler = (request) => {
  throw new ShadowError('NOT_FOUND', `There is nothing at ${request.method} ${request.path}.`);
};

/** Gives every failure the same body, and logs those of the sidecar itself. */
export function errorHandler(log: Logger): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (thrown: unknown, request, response, _next) => {
    const error = toHttpError(thrown);
    if (error.status >= 500)
      log.error({ err: error, operation: response.locals.operation }, 'request failed');
    // Half an answer is cut, so that nobody takes it for a whole one. Express would do the same and print the error besides.
    if (response.headersSent) return void response.destroy();
    // What is left of the body would be taken for the next request, and waiting for it would be a slow-loris' gain.
    if (!request.complete) response.set('Connection', 'close');
    if (error.status === 401) response.set('WWW-Authenticate', 'Bearer');
    response.status(error.status).json(errorBody(error.toOperationError()));
  };
}

/** The body of an error answer. */
export function errorBody(error: OperationError): ErrorBody {
  return { error };
}

/** What body-parser and Express throw: http-errors with a `type`. */
const HttpError = z.object({ status: z.int(), type: z.string().optional(), limit: z.int().optional() });

function toHttpError(thrown: unknown): ShadowError {
  if (thrown instanceof ShadowError) return thrown;
  const http = HttpError.safeParse(thrown);
  if (!http.success || http.data.status >= 500) return toShadowError(thrown);
  const { type, limit } = http.data;
  if (type === 'entity.too.large') return tooLarge(limit ?? 0);
  const message =
    type === 'entity.parse.failed'
      ? 'The body is not valid JSON.'
      : 'The request cannot be read: its path, encoding or headers.';
  return new ShadowError('VALIDATION_FAILED', message, { cause: thrown });
}

/** The error of a body beyond its limit. */
export function tooLarge(limitBytes: number): ShadowError {
  return new ShadowError('FILE_TOO_LARGE', `The body is larger than ${limitBytes} bytes.`, {
    details: { limitBytes },
  });
}
