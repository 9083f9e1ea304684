import { endpoints } from '@shadow/protocol';
import { type RequestHandler, Router } from 'express';
import type { Registry } from 'prom-client';
import { DatabaseHealth } from '../database-health.ts';
import { docsPage, docsPolicy } from '../docs-page.ts';
import { openApiDocument } from '../openapi.ts';
import { publicRoute } from '../route.ts';

/** Health, for probes: open to everyone, so it tells nothing but that. */
export function healthRouter(pingDatabase: () => Promise<unknown>): Router {
  const router = Router();
  const health = new DatabaseHealth(pingDatabase);
  publicRoute(router, endpoints.getHealth, async () => {
    const isUp = await health.isUp();
    return { status: isUp ? 'ok' : 'degraded', database: isUp ? 'ok' : 'unavailable' } as const;
  });
  return router;
}

/** The API described: as OpenAPI and as a page. */
export function docsRouter(options: { version: string; basePath: string }): Router {
  const router = Router();
  const document = openApiDocument(options);
  const page = docsPage(document);
  router.get('/openapi.json', (_request, response) => {
    response.locals.operation = 'docs';
    response.json(document);
  });
  router.get('/docs', (_request, response) => {
    response.locals.operation = 'docs';
    response.set('Content-Security-Policy', docsPolicy).type('html').send(page);
  });
  return router;
}

/** Prometheus' text format. */
export function metricsHandler(registry: Registry): RequestHandler {
  return async (_request, response) => {
    response.locals.operation = 'metrics';
    response.set('Content-Type', registry.contentType).send(await registry.metrics());
  };
}
