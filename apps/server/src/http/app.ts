import express, { type Express, type RequestHandler, Router } from 'express';
import { requireAuthentication } from './auth.ts';
import type { HttpDependencies } from './dependencies.ts';
import { errorHandler, notFound } from './error-handler.ts';
import { requestLog } from './request-log.ts';
import { accessRouter, signInRouter } from './routers/access.ts';
import { modelsRouter } from './routers/models.ts';
import { repositoriesRouter } from './routers/repositories.ts';
import { docsRouter, healthRouter, metricsHandler } from './routers/system.ts';
import { tasksRouter } from './routers/tasks.ts';
import { securityHeaders } from './security-headers.ts';
import { webAssets } from './web-assets.ts';

/** The whole HTTP side: API, its description, metrics and the web UI, under BASE_PATH. */
export function createHttpApp(dependencies: HttpDependencies): Express {
  const { access, basePath, logger, metrics, publicUrl, webDirectory } = dependencies;
  const gate = requireAuthentication(access, publicUrl);
  const app = express();
  app.disable('x-powered-by');
  // PUBLIC_URL says that a proxy of ours stands in front: only then is X-Forwarded-For believed, and only from it.
  app.set('trust proxy', publicUrl === null ? false : ['loopback', 'linklocal', 'uniquelocal']);
  app.use(requestLog(logger, metrics));
  app.use(securityHeaders(publicUrl?.startsWith('https:') ?? false));

  const root = Router();
  root.use('/api', noStore, apiRouter(dependencies, gate), notFound);
  root.get('/metrics', noStore, gate, metricsHandler(metrics.registry));
  root.use(webAssets(webDirectory, basePath));
  app.use(basePath === '' ? '/' : basePath, root);

  app.use(notFound);
  app.use(errorHandler(logger.child({ component: 'HTTP' })));
  return app;
}

/** Public routes first, then the gate: whatever is added below it cannot be reached without credentials. */
function apiRouter(dependencies: HttpDependencies, gate: RequestHandler): Router {
  const { installation, basePath } = dependencies;
  const router = Router();
  router.use(healthRouter(dependencies.pingDatabase));
  router.use(signInRouter(dependencies));
  router.use(gate);
  router.use(accessRouter(dependencies));
  router.use(tasksRouter(dependencies.tasks));
  router.use(modelsRouter(dependencies.models));
  router.use(repositoriesRouter(dependencies.repositories));
  router.use(docsRouter({ version: installation.version, basePath }));
  return router;
}

const noStore: RequestHandler = (_request, response, next) => {
  response.set('Cache-Control', 'no-store');
  next();
};
