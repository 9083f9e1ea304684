import { existsSync } from 'node:fs';
import type { Confinement } from './paths-common.ts';
import { createPortableConfinement } from './paths-portable.ts';
import { createWalkingConfinement } from './paths-walk.ts';

export type { ConfinedDirectory, ConfinedPath, Confinement } from './paths-common.ts';

/**
 * The strongest confinement that this system offers: on Linux a walk of directory handles that never follows a
 * symbolic link by name, elsewhere a check by real path just before use (`raceSafe` false).
 *
 * @param root real, absolute path of the tree
 */
export function createConfinement(root: string): Confinement {
  return isWalkable() ? createWalkingConfinement(root) : createPortableConfinement(root);
}

/** Whether this system offers the confinement that no change of the tree can beat. */
export function isWalkable(): boolean {
  return process.platform === 'linux' && existsSync('/proc/self/fd');
}
