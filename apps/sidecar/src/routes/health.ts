import { stat } from 'node:fs/promises';
import { failure, type Result, sidecarEndpoints } from '@shadow/protocol';
import { machineCapabilities } from '@shadow/workspace';
import { Router } from 'express';
import type { SidecarContext } from '../context.ts';
import { jsonRoute, streamRoute } from '../http/route.ts';

/**
 * `/health/*`, open to everybody: a kubelet's probe carries no token, and a probe's header in a pod's specification would
 * give the token away. The answers hold nothing but yes or no.
 */
export function healthRouter(context: SidecarContext): Router {
  const router = Router();
  const { getLive, getReady } = sidecarEndpoints;
  jsonRoute(router, context, getLive, async () => ({ success: true, status: 'ok' as const }));
  jsonRoute(router, context, getReady, () => readiness(context));
  return router;
}

/** Capabilities, measurements and the API's description. */
export function systemRouter(context: SidecarContext): Router {
  const router = Router();
  const { getCapabilities, getMetrics, getOpenApi } = sidecarEndpoints;
  jsonRoute(router, context, getCapabilities, async () => ({
    success: true,
    ...machineCapabilities(context.host, context.workspace.isolation),
  }));
  streamRoute(router, context, getMetrics, async ({ response }) => {
    const { registry } = context.metrics;
    response.type(registry.contentType).send(await registry.metrics());
  });
  jsonRoute(router, context, getOpenApi, async () => {
    // Its library takes memory that a sidecar nobody asks for its description need not hold.
    const { openApiDocument } = await import('../http/openapi.ts');
    return { success: true, ...openApiDocument() };
  });
  return router;
}

async function readiness({ closing, workspace, host }: SidecarContext): Promise<Result<{ status: 'ready' }>> {
  if (closing.aborted) return failure('UNAVAILABLE', 'The sidecar is shutting down.');
  const isThere = await stat(workspace.root).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  if (!isThere) return failure('UNAVAILABLE', 'The workspace is not there.');
  const listed = await host.listProcesses({ stateDir: workspace.stateDir });
  return listed.success
    ? { success: true, status: 'ready' }
    : failure('UNAVAILABLE', 'The process host does not answer.');
}
