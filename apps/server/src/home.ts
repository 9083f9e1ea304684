import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ShadowError } from '@shadow/protocol';

/**
 * Makes SHADOW_HOME and what is missing above it. Not by a recursive mkdir: where a directory cannot hold others, as
 * /proc, Node's never returns.
 * @param mode permission bits of the home itself; directories above it get the usual ones
 * @throws ShadowError PERMISSION_DENIED saying which directory cannot be made
 */
export async function makeHome(path: string, mode: number): Promise<void> {
  const failed = await makeDirectory(path, mode);
  if (failed === undefined) return;
  if (failed === 'ENOENT' && dirname(path) !== path) {
    await makeHome(dirname(path), 0o755);
    const again = await makeDirectory(path, mode);
    if (again === undefined) return;
  }
  throw new ShadowError(
    'PERMISSION_DENIED',
    `The directory ${path} cannot be made (${failed}). Set SHADOW_HOME to one that this user may write to.`,
  );
}

/** @returns the error's code; undefined when the directory is there */
async function makeDirectory(path: string, mode: number): Promise<string | undefined> {
  try {
    await mkdir(path, { mode });
    return undefined;
  } catch (error) {
    const code = error instanceof Error ? String(Reflect.get(error, 'code')) : 'EIO';
    return code === 'EEXIST' ? undefined : code;
  }
}
