import { createHash } from 'node:crypto';
import { workspaceObjects, workspacePod } from '../workspaces/workspace-objects.ts';
import type { WorkspaceSettings } from '../workspaces/workspace-settings.ts';

/** On a warm anchor: the hash of what its pod was made from. */
export const TEMPLATE_ANNOTATION = 'shadow.dev/template';

/** The same for two servers exactly when the warm pods that they make are alike. */
export function templateHash(settings: WorkspaceSettings): string {
  const of = [settings, { name: 'template', state: 'warm' }, 'uid', 'token'] as const;
  const pod = workspacePod(...of);
  const { volume } = workspaceObjects(...of);
  const parts = [pod.spec, pod.metadata?.labels, pod.metadata?.annotations, volume?.spec];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}
