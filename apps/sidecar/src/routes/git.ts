import { sidecarEndpoints } from '@shadow/protocol';
import { Router } from 'express';
import type { SidecarContext } from '../context.ts';
import { jsonRoute } from '../http/route.ts';

/** `/api/git/*` */
export function gitRouter(context: SidecarContext): Router {
  const router = Router();
  const { engine } = context;
  const { gitStatus, gitDiff, gitCommit, gitLog, gitCheckout } = sidecarEndpoints;
  jsonRoute(router, context, gitStatus, ({ signal }) => engine.gitStatus({ signal }));
  jsonRoute(router, context, gitDiff, ({ body, signal }) => engine.gitDiff(body, { signal }));
  jsonRoute(router, context, gitCommit, ({ body, signal }) => engine.gitCommit(body, { signal }));
  jsonRoute(router, context, gitLog, ({ body, signal }) => engine.gitLog(body, { signal }));
  jsonRoute(router, context, gitCheckout, ({ body, signal }) => engine.gitCheckout(body, { signal }));
  return router;
}
