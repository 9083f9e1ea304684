import { realpathSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { type Result, toShadowError } from '@shadow/protocol/errors';
import { createConfinement } from '../security/paths.ts';

/**
 * Real path of a command's working directory, which must lie in the workspace. That is a guard against mistakes, not a
 * wall: the command itself may go wherever its user may. What is outside is not looked at, so that the answer does not
 * tell whether it is there.
 */
export async function resolveWorkingDirectory(
  root: string,
  cwd: string | undefined,
): Promise<Result<{ path: string }>> {
  try {
    // Where most commands run; there is nothing on the way to it that could lead out. Asked at once: it is a few lookups in
    // what the system has in memory, and waiting for a thread would take longer.
    if (cwd === undefined) return { success: true, path: realpathSync.native(root) };
    await using directory = await createConfinement(root).openDirectory(cwd);
    return { success: true, path: join(await realpath(root), directory.relative) };
  } catch (error) {
    return { success: false, error: toShadowError(error).toOperationError() };
  }
}
