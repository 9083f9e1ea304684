import { type ErrorBody, ShadowError, toShadowError } from '@shadow/protocol';
import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import * as z from 'zod';
import { databaseFailure } from '../tasks/database-errors.ts';
import { requestIdOf } from './request-log.ts';

/** Answers what no route took. */
export const notFound: RequestHandler = (request) => {
  throw new ShadowError('NOT_FOUND', `There is nothing at ${request.method} ${request.path}.`);
};

/** Gives every failure the same body, and logs the ones that are ours. */
export function errorHandler(logger: Logger): ErrorRequestHandler {
  return (thrown: unknown, _request, response, next) => {
    const error = toHttpError(thrown);
    if (error.status >= 500) logger.error({ requestId: requestIdOf(response), err: error }, 'request failed');
    // Too late for a body: Express ends the connection, so that nobody takes the half for the whole.
    if (response.headersSent) return next(thrown);
    sendError(response, error);
  };
}

/** Sends the error under its status. */
export function sendError(response: Response, error: ShadowError): void {
  const body: ErrorBody = { error: error.toOperationError() };
  if (error.code === 'INTERNAL') {
    body.error.details = { ...body.error.details, requestId: requestIdOf(response) };
  }
  response.status(error.status).json(body);
}

/** What body-parser and Express throw: http-errors with a `type`. */
const HttpError = z.object({ status: z.int(), type: z.string().optional(), limit: z.int().optional() });

function toHttpError(thrown: unknown): ShadowError {
  if (thrown instanceof ShadowError) return thrown;
  const http = HttpError.safeParse(thrown);
  if (http.success && http.data.status < 500) return fromHttpError(http.data, thrown);
  return databaseFailure(thrown) ?? toShadowError(thrown);
}

function fromHttpError(error: z.infer<typeof HttpError>, cause: unknown): ShadowError {
  if (error.type === 'entity.parse.failed') {
    return new ShadowError('VALIDATION_FAILED', 'The body is not valid JSON.', { cause });
  }
  if (error.type === 'entity.too.large') {
    const kibibytes = Math.floor((error.limit ?? 0) / 1024);
    return new ShadowError('VALIDATION_FAILED', `The body is larger than ${kibibytes} KiB.`, { cause });
  }
  if (error.type === 'request.aborted') {
    return new ShadowError('CANCELLED', 'The request was cut off.', { cause });
  }
  return new ShadowError('VALIDATION_FAILED', 'The request cannot be read: its path, encoding or headers.', {
    cause,
  });
}
