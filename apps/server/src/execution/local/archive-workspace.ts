import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunAs } from '@shadow/workspace';
import { type GitEnvironment, gitFailed, runGit } from '../../git/git-command.ts';

/** Settings under which git on a workspace's own repository neither fetches nor runs anything of its configuration. */
const NEUTRAL = ['-c', 'core.fsmonitor=false', '-c', 'protocol.allow=never', '-c', 'safe.directory=*'];

export interface ArchiveRequest {
  copy: string;
  baseCommit: string;
  archives: string;
  name: string;
  runAs: RunAs | undefined;
}

/**
 * Writes the commits since the base into a bundle on the server. git writes to standard output as the workspace's user;
 * the file belongs to the server and appears under its name only when it is whole.
 * @returns the bundle's path; null when there are no commits to keep
 * @throws ShadowError GIT_FAILED
 */
export async function archiveWorkspace(
  environment: GitEnvironment,
  request: ArchiveRequest,
): Promise<string | null> {
  const own = { cwd: request.copy, runAs: request.runAs };
  const range = `${request.baseCommit}..HEAD`;
  const counted = await runGit(environment, [...NEUTRAL, 'rev-list', '--count', range], own);
  if (counted.exitCode !== 0) throw gitFailed(['rev-list'], counted);
  if (Number(counted.stdout.trim()) === 0) return null;
  await mkdir(request.archives, { recursive: true, mode: 0o700 });
  const path = join(request.archives, `${request.name}.bundle`);
  const fresh = `${path}.new`;
  const file = await open(fresh, 'w', 0o600);
  try {
    const args = [
      ...NEUTRAL,
      'bundle',
      'create',
      '--quiet',
      '-',
      'HEAD',
      '--branches',
      '--not',
      request.baseCommit,
    ];
    const written = await runGit(environment, args, { ...own, stdoutFile: file });
    if (written.exitCode !== 0) throw gitFailed(['bundle'], written);
    await file.sync();
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(fresh, path);
  return path;
}
