import { sidecarEndpoints } from '@shadow/protocol';
import { Router } from 'express';
import type { SidecarContext } from '../context.ts';
import { jsonRoute } from '../http/route.ts';

/** `/api/search/*` */
export function searchRouter(context: SidecarContext): Router {
  const router = Router();
  const { engine } = context;
  const { searchFiles, grepSearch, codebaseSearch } = sidecarEndpoints;
  jsonRoute(router, context, searchFiles, ({ body, signal }) => engine.searchFiles(body, { signal }));
  jsonRoute(router, context, grepSearch, ({ body, signal }) => engine.grepSearch(body, { signal }));
  jsonRoute(router, context, codebaseSearch, ({ body, signal }) => engine.codebaseSearch(body, { signal }));
  return router;
}
