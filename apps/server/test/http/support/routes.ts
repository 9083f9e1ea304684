import type { Express } from 'express';
import * as z from 'zod';

export interface MountedRoute {
  method: string;
  path: string;
}

const Layer = z.object({
  route: z.object({ path: z.string(), methods: z.record(z.string(), z.boolean()) }).optional(),
  handle: z.custom<{ stack?: unknown }>(),
  /** Set by Express 5's router: whether the layer matches a path, and what it matched. */
  match: z.custom<(path: string) => boolean>(),
  path: z.string().optional(),
  slash: z.boolean(),
});

/** Prefixes under which routers are mounted. Express 5 keeps only matchers, so each is asked. */
const PREFIXES = ['/api', '/assets'];

/** Every route of the application, found in Express's own tables. */
export function mountedRoutes(app: Express): MountedRoute[] {
  return walk(app.router, '');
}

function walk(router: { stack?: unknown }, prefix: string): MountedRoute[] {
  return z
    .array(z.custom<object>())
    .parse(router.stack ?? [])
    .flatMap((raw) => {
      const layer = Layer.parse(raw);
      if (layer.route !== undefined) {
        const { path, methods } = layer.route;
        return Object.keys(methods).map((method) => ({ method, path: prefix + path }));
      }
      if (layer.handle.stack === undefined) return [];
      const own = layer.slash ? '' : PREFIXES.find((candidate) => layer.match.call(raw, candidate));
      if (own === undefined)
        throw new Error('A router is mounted under a prefix that this test does not know.');
      return walk(layer.handle, prefix + own);
    });
}
