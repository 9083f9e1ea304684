import { realpath, stat } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { failure, type Result } from '@shadow/protocol/errors';

/**
 * Real path of a command's working directory, which must lie in the workspace. That is a guard against mistakes, not a
 * wall: the command itself may go wherever its user may.
 */
export async function resolveWorkingDirectory(
  root: string,
  cwd: string | undefined,
): Promise<Result<{ path: string }>> {
  const wanted = cwd ?? '.';
  try {
    const realRoot = await realpath(root);
    const path = await realpath(resolve(realRoot, wanted));
    if (path !== realRoot && !path.startsWith(realRoot === sep ? sep : realRoot + sep)) {
      return failure('PATH_OUTSIDE_WORKSPACE', `The working directory ${wanted} is outside the workspace.`);
    }
    if (!(await stat(path)).isDirectory()) {
      return failure('NOT_A_DIRECTORY', `The working directory ${wanted} is not a directory.`);
    }
    return { success: true, path };
  } catch (error) {
    return failedPath(wanted, error);
  }
}

function failedPath(wanted: string, error: unknown): ReturnType<typeof failure> {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
      return failure('FILE_NOT_FOUND', `The working directory ${wanted} does not exist.`);
    case 'ENOTDIR':
      return failure('NOT_A_DIRECTORY', `The working directory ${wanted} is not a directory.`);
    case 'EACCES':
      return failure('PERMISSION_DENIED', `The working directory ${wanted} may not be entered.`);
    default:
      return failure('PATH_INVALID', `The working directory ${wanted} is not usable.`);
  }
}
