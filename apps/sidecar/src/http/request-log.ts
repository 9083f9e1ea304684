import type { RequestHandler } from 'express';
import type { Logger } from 'pino';
import type { Metrics } from '../observability/metrics.ts';

declare global {
  namespace Express {
    interface Locals {
      /** Operation id of the endpoint that took the request. */
      operation?: string;
    }
  }
}

/** Measures each request and logs its end: no query, no body and no header, as those hold what is nobody's business. */
export function requestLog(log: Logger, metrics: Metrics): RequestHandler {
  return (_request, response, next) => {
    const startedAt = performance.now();
    response.once('close', () => {
      const seconds = (performance.now() - startedAt) / 1000;
      const operation = response.locals.operation ?? 'other';
      // 499 as nginx has it: the caller went away before the answer was out.
      const status = response.writableFinished ? response.statusCode : 499;
      metrics.duration.observe({ operation, status }, seconds);
      log.debug({ operation, status, durationMs: Math.round(seconds * 1000) }, 'request');
    });
    next();
  };
}
