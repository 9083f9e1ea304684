import type { RunAs } from '../context.ts';
import type { Confinement } from '../security/paths.ts';
import type { PathLocks } from './path-locks.ts';

/** What every file operation of one workspace works with. */
export interface FileScope {
  readonly root: string;
  readonly confinement: Confinement;
  /** Identity of new files, and whose rights count when the server has more. */
  readonly runAs: RunAs | undefined;
  readonly locks: PathLocks;
}

/** Options of `resolve` for a place whose parents are made on the way. */
export function makingParents(scope: FileScope): { createParents: { owner?: RunAs } } {
  return { createParents: scope.runAs === undefined ? {} : { owner: scope.runAs } };
}
