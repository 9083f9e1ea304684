import { createHash } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ShadowError } from '@shadow/protocol';
import type { RunAs } from '@shadow/workspace';

/**
 * Makes the directory that holds the workspaces and says where it is. Agents' commands of a root-run server are another
 * user's, who must be able to walk to the workspace; a home like /root lets nobody through, so the workspaces of a
 * default home then live under /var/lib/shadow.
 * @param wanted absolute path as configured
 * @param home SHADOW_HOME: a directory inside it was not chosen by anyone and may be placed elsewhere
 * @throws ShadowError PERMISSION_DENIED when a directory that was chosen cannot be reached
 */
export async function placeWorkspaces(
  wanted: string,
  home: string,
  runAs: RunAs | undefined,
): Promise<string> {
  if (runAs === undefined) {
    await mkdir(wanted, { recursive: true, mode: 0o700 });
    return wanted;
  }
  await mkdir(wanted, { recursive: true, mode: 0o711 });
  if (await isReachable(wanted, runAs)) return wanted;
  if (!wanted.startsWith(`${home}/`)) {
    throw new ShadowError(
      'PERMISSION_DENIED',
      `WORKSPACE_DIR=${wanted} cannot be reached by uid ${runAs.uid}, as which the commands of agents run because this server is root. Choose a directory that others may enter, such as /var/lib/shadow/workspaces.`,
    );
  }
  const key = createHash('sha256').update(home).digest('hex').slice(0, 12);
  const place = join('/var/lib/shadow', key, 'workspaces');
  await mkdir(place, { recursive: true, mode: 0o711 });
  return place;
}

/** Whether a user may enter every directory on the way. */
async function isReachable(path: string, user: RunAs): Promise<boolean> {
  const found = await stat(path);
  const bit = found.uid === user.uid ? 0o100 : found.gid === user.gid ? 0o010 : 0o001;
  if ((found.mode & bit) === 0) return false;
  const parent = dirname(path);
  return parent === path || isReachable(parent, user);
}
