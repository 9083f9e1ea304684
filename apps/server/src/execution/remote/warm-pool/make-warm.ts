import { randomBytes } from 'node:crypto';
import type { StepProgress } from '../../interfaces/workspace-manager.ts';
import type { Cluster } from '../kubernetes/cluster.ts';
import { ensureOwned } from '../workspaces/ensure-owned.ts';
import { tokenIn } from '../workspaces/secret-token.ts';
import { newToken } from '../workspaces/token.ts';
import { anchorObject, workspaceObjects, workspacePod } from '../workspaces/workspace-objects.ts';
import type { WorkspaceSettings } from '../workspaces/workspace-settings.ts';
import { workspaceOf } from '../workspaces/workspace-state.ts';
import { TEMPLATE_ANNOTATION, templateHash } from './template.ts';

const PREFIX = 'shadow-warm-';

/** A name that no workspace had before. */
export function newWarmName(): string {
  return `${PREFIX}${randomBytes(8).toString('hex')}`;
}

/** Whether a workspace came from the pool. */
export function isWarmName(name: string): boolean {
  return name.startsWith(PREFIX);
}

/**
 * Makes what is missing of a warm workspace, as for a task but without one. Whoever else does it at the same time does no
 * harm; one that a task has taken meanwhile is left alone.
 */
export async function makeWarm(
  cluster: Cluster,
  settings: WorkspaceSettings,
  name: string,
  progress: StepProgress,
): Promise<void> {
  const { api } = cluster;
  const design = { name, state: 'warm' } as const;
  const anchor = anchorObject(settings, design);
  const annotations = { [TEMPLATE_ANNOTATION]: templateHash(settings) };
  const annotated = { ...anchor, metadata: { ...anchor.metadata, annotations } };
  const { object } = await api.configMaps.ensure(annotated, { signal: progress.signal });
  const { uid, state, isGoing } = workspaceOf(object);
  if (state !== 'warm' || isGoing) return;
  const objects = workspaceObjects(settings, design, uid, newToken());
  const secret = await ensureOwned(api.secrets, objects.secret, progress);
  if (objects.volume !== undefined) await ensureOwned(api.persistentVolumeClaims, objects.volume, progress);
  await ensureOwned(api.services, objects.service, progress);
  // Of the Secret as it is: whoever else makes this workspace may have made it.
  await ensureOwned(api.pods, workspacePod(settings, design, uid, tokenIn(secret)), progress);
}
