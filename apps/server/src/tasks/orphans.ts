import { failure, type Result } from '@shadow/protocol';
import type { WorkspaceManager } from '../execution/interfaces/workspace-manager.ts';

/** The line of a finished clone's git configuration that names the commit and branch it started from. */
const BASE = /^\s*\[shadow\]\s*$[^[]*^\s*base\s*=\s*"?([0-9a-f]{40,64}) /m;

/**
 * Removes a workspace whose task nobody knows. The database may have been restored from an older copy, so work in it is
 * first written into a bundle, and what cannot be looked at is not removed.
 *
 * @returns the bundle, null when there was no work; a failure when the workspace was left alone
 */
export async function removeOrphan(
  workspaces: WorkspaceManager,
  taskId: string,
): Promise<Result<{ bundlePath: string | null }>> {
  const { status } = await workspaces.getWorkspaceStatus(taskId);
  let bundlePath: string | null = null;
  if (status === 'ready' || status === 'suspended') {
    const kept = await keepWork(workspaces, taskId);
    if (!kept.success) return kept;
    bundlePath = kept.bundlePath;
  }
  const removed = await workspaces.cleanupWorkspace(taskId);
  return removed.success ? { success: true, bundlePath } : removed;
}

async function keepWork(
  workspaces: WorkspaceManager,
  taskId: string,
): Promise<Result<{ bundlePath: string | null }>> {
  const found = await workspaces.getExecutor(taskId);
  if (!found.success) return found;
  const config = await found.executor.readFile({ path: '.git/config' });
  if (!config.success && config.error.code !== 'FILE_NOT_FOUND') return config;
  const base = config.success ? BASE.exec(config.content)?.[1] : undefined;
  if (base !== undefined) return await workspaces.archiveWorkspace(taskId, base);
  const listed = await found.executor.listDirectory({ includeIgnored: true });
  if (!listed.success) return listed;
  // A clone that was cut off before its first file: nobody has worked there.
  if (listed.entries.length === 0) return { success: true, bundlePath: null };
  return failure('WORKSPACE_HAS_UNSAVED_WORK', 'It holds files, and no commit that they started from.');
}
