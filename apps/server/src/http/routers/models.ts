import { endpoints } from '@shadow/protocol';
import { Router } from 'express';
import type { ModelCatalog } from '../dependencies.ts';
import { route } from '../route.ts';

/** Models and the providers they come from. */
export function modelsRouter(models: ModelCatalog): Router {
  const router = Router();
  route(router, endpoints.listModels, ({ userId }) => models.listModels(userId));
  route(router, endpoints.listProviders, async ({ userId }) => ({
    providers: await models.listProviders(userId),
  }));
  route(router, endpoints.updateProvider, ({ userId, params, body }) =>
    models.updateProvider(userId, params.provider, body),
  );
  route(router, endpoints.deleteProvider, ({ userId, params }) =>
    models.deleteProvider(userId, params.provider).then(() => undefined),
  );
  route(router, endpoints.testProvider, ({ userId, params, body, signal }) =>
    models.testProvider(userId, params.provider, body, signal),
  );
  return router;
}
