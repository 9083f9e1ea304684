import { randomUUID } from 'node:crypto';
import type { RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import * as z from 'zod';
import type { Metrics } from '../observability/metrics.ts';
import type {} from './locals.ts';

/** Ids that callers may choose: nothing that could forge a log line. */
const REQUEST_ID = /^[A-Za-z0-9_.:-]{1,64}$/;

/** The request's id, as the answer's `X-Request-Id` and the log have it. */
export function requestIdOf(response: Response): string {
  return z.string().catch('').parse(response.locals.requestId);
}

/** Numbers each request, then logs and measures its end: no query, no body, no header, as those hold secrets. */
export function requestLog(logger: Logger, metrics: Metrics): RequestHandler {
  const log = logger.child({ component: 'HTTP' });
  return (request, response, next) => {
    const given = request.get('x-request-id');
    const requestId = given !== undefined && REQUEST_ID.test(given) ? given : randomUUID();
    response.locals.requestId = requestId;
    response.set('X-Request-Id', requestId);
    const startedAt = performance.now();
    const { method, path } = request;
    response.once('close', () => {
      const durationMs = Math.round(performance.now() - startedAt);
      const operation = response.locals.operation ?? 'other';
      // 499 as nginx has it: the caller went away before the answer was out.
      const status = response.writableFinished ? response.statusCode : 499;
      metrics.httpDuration.observe({ operation, method, status }, durationMs / 1000);
      log.debug({ requestId, method, path, status, durationMs }, 'request');
    });
    next();
  };
}
