import { isAbsolute, sep } from 'node:path';
import { ShadowError } from '@shadow/protocol';
import type { RunAs } from '../context.ts';
import { outside } from './path-errors.ts';

/** An open directory inside the workspace: its entries are addressed through `path` until it is disposed. */
export interface ConfinedDirectory extends AsyncDisposable {
  /** What to hand to file system calls; with a raceless walk it names the directory itself, whatever happens to its name. */
  readonly path: string;
  /** Its place in the workspace, `/`-separated, with no symbolic links in it; '' for the root. */
  readonly relative: string;
  /** Opens a directory in it, never through a symbolic link (ENOTDIR or ELOOP is thrown instead). */
  child(name: string | Buffer): Promise<ConfinedDirectory>;
}

/** One place inside the workspace: a directory and a name in it. Nothing says that the name exists. */
export interface ConfinedPath extends AsyncDisposable {
  readonly directory: ConfinedDirectory;
  /** Name in that directory; '' when the place is the root itself. */
  readonly name: string;
  /** What to hand to file system calls that do not follow a symbolic link at the end. */
  readonly path: string;
  /** Its place in the workspace, `/`-separated, with no symbolic links in it; '' for the root. */
  readonly relative: string;
  /** The path as results name it: as the caller gave it, from the root. */
  readonly shown: string;
}

export interface ResolveOptions {
  /** Follow a symbolic link at the end of the path too. Default true. */
  follow?: boolean;
  /** The place will be changed: refuses everything in a `.git`. */
  write?: boolean;
  /** Make missing parent directories, owned by `owner` where given. Implies `write`. */
  createParents?: { owner?: RunAs };
}

/** Turns paths that a caller made up into places that are certainly inside one directory tree. */
export interface Confinement {
  /** True when no change of the tree during a call can lead it outside. */
  readonly raceSafe: boolean;
  /**
   * @param path relative to the root, or absolute inside it
   * @throws ShadowError PATH_OUTSIDE_WORKSPACE, PATH_INVALID, FILE_NOT_FOUND (a missing parent), NOT_A_DIRECTORY,
   *   PERMISSION_DENIED
   */
  resolve(path: string, options?: ResolveOptions): Promise<ConfinedPath>;
  /** Opens a directory, following symbolic links that stay inside. */
  openDirectory(path: string): Promise<ConfinedDirectory>;
}

/**
 * Splits a caller's path into components from the root, `..` kept.
 *
 * @throws ShadowError PATH_OUTSIDE_WORKSPACE for an absolute path elsewhere, PATH_INVALID for NUL
 */
export function componentsFromRoot(root: string, path: string): string[] {
  if (path.includes('\0')) throw new ShadowError('PATH_INVALID', 'A path must not contain a NUL character.');
  if (!isAbsolute(path)) return split(path);
  const prefix = root.endsWith(sep) ? root : root + sep;
  if (path !== root && !path.startsWith(prefix)) throw outside(path);
  return split(path.slice(root.length));
}

/** Components of a path, empty ones and `.` left out. */
export function split(path: string): string[] {
  const parts = process.platform === 'win32' ? path.split(/[\\/]/) : path.split('/');
  return parts.filter((part) => part !== '' && part !== '.');
}

/** The path as results name it: the caller's own, or the resolved one where that had `..` in it. */
export function shownPath(components: readonly string[], resolved: string): string {
  return components.includes('..') ? resolved : components.join('/');
}

/**
 * Git runs what its directory says (hooks, config): file operations never change one.
 *
 * @throws ShadowError PERMISSION_DENIED when any component is `.git`
 */
export function refuseGitInternals(components: readonly string[], shown: string): void {
  if (!components.some(isGitDirectoryName)) return;
  throw new ShadowError(
    'PERMISSION_DENIED',
    `${shown.slice(0, 300)} is inside a .git directory, which file operations do not change. Use the git operations.`,
    { details: { path: shown.slice(0, 300) } },
  );
}

/** `.git` as any file system might spell it. */
export function isGitDirectoryName(name: string): boolean {
  return name.toLowerCase() === '.git';
}
