import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type Result, sidecarEndpoints, type WorkspaceUsage } from '@shadow/protocol';
import { measureTree } from '@shadow/workspace';
import { Router } from 'express';
import type { SidecarContext } from '../context.ts';
import { jsonRoute } from '../http/route.ts';

/** What a finished clone is marked with, written last: `base` in the section `shadow` of its configuration. */
const FINISHED_CLONE = /^\s*\[shadow\]\s*$[^[]*^\s*base\s*=\s*\S/im;

/** `/api/workspace*` */
export function workspaceRouter(context: SidecarContext): Router {
  const router = Router();
  const { claimWorkspace, getWorkspaceUsage } = sidecarEndpoints;
  jsonRoute(router, context, claimWorkspace, async ({ body, revoked }) => {
    const claimed = await context.claim.claim(body, revoked);
    if (claimed.success) context.log.info({ variables: Object.keys(body.environment ?? {}) }, 'claimed');
    return claimed;
  });
  jsonRoute(router, context, getWorkspaceUsage, () => usage(context));
  return router;
}

async function usage({ workspace, claim }: SidecarContext): Promise<Result<WorkspaceUsage>> {
  const [tree, disk, config] = await Promise.all([
    measureTree(workspace.root),
    statfs(workspace.root),
    readFile(join(workspace.root, '.git', 'config'), 'utf8').catch(() => ''),
  ]);
  return {
    success: true,
    ...tree,
    diskTotalBytes: disk.blocks * disk.bsize,
    diskFreeBytes: disk.bavail * disk.bsize,
    claimed: claim.isClaimed,
    repository: FINISHED_CLONE.test(config),
  };
}
