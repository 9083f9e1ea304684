import { chown, lstat, mkdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve as resolvePath, sep } from 'node:path';
import { ShadowError } from '@shadow/protocol';
import { errnoOf, fileError, outside } from './path-errors.ts';
import {
  type ConfinedDirectory,
  type ConfinedPath,
  type Confinement,
  componentsFromRoot,
  type ResolveOptions,
  refuseGitInternals,
  shownPath,
  split,
} from './paths-common.ts';

/**
 * Confinement by real path, for systems without a walk by handles: right for every tree at rest, but a change of the
 * tree between check and use can beat it, which `raceSafe` false declares.
 *
 * @param root real, absolute path of the tree
 */
export function createPortableConfinement(root: string): Confinement {
  const resolve = async (path: string, options: ResolveOptions = {}): Promise<ConfinedPath> => {
    try {
      return await resolveByRealPath(root, path, options);
    } catch (thrown) {
      throw fileError(thrown, path);
    }
  };
  return {
    raceSafe: false,
    resolve,
    async openDirectory(path) {
      const place = await resolve(path);
      return place.name === ''
        ? place.directory
        : portableDirectory(root, join(place.directory.path, place.name));
    },
  };
}

async function resolveByRealPath(root: string, path: string, options: ResolveOptions): Promise<ConfinedPath> {
  const requested = componentsFromRoot(root, path);
  const writing = options.write === true || options.createParents !== undefined;
  const located = await locate(root, requested, options);
  const inside = relative(root, located);
  if (inside === '..' || inside.startsWith(`..${sep}`)) throw outside(path);
  const components = split(inside);
  const shown = shownPath(requested, components.join('/'));
  if (writing) refuseGitInternals(components, shown);
  const name = components.at(-1) ?? '';
  const directory = portableDirectory(root, name === '' ? root : dirname(located));
  return {
    directory,
    name,
    path: name === '' ? root : located,
    relative: components.join('/'),
    shown,
    [Symbol.asyncDispose]: async () => {},
  };
}

/** The real place of a path whose last component may be missing. */
async function locate(root: string, requested: readonly string[], options: ResolveOptions): Promise<string> {
  const joined = resolvePath(root, ...requested);
  if (joined !== root && !joined.startsWith(root.endsWith(sep) ? root : root + sep))
    throw outside(requested.join('/'));
  if (joined === root) return root;
  const parent = await realParent(root, dirname(joined), options);
  const place = join(parent, basename(joined));
  if (options.follow === false) return place;
  try {
    return await realpath(place);
  } catch (thrown) {
    if (errnoOf(thrown) !== 'ENOENT') throw thrown;
    // A dangling link: what it points to cannot be checked, so it is not written through.
    const dangling = await lstat(place).then(
      (found) => found.isSymbolicLink(),
      () => false,
    );
    if (dangling) throw outside(requested.join('/'));
    return place;
  }
}

async function realParent(root: string, parent: string, options: ResolveOptions): Promise<string> {
  try {
    return await realpath(parent);
  } catch (thrown) {
    if (errnoOf(thrown) !== 'ENOENT' || options.createParents === undefined) throw thrown;
  }
  if (parent === dirname(parent))
    throw new ShadowError('WORKSPACE_LOST', 'The directory of this workspace is gone.');
  const above = await realParent(root, dirname(parent), options);
  const made = join(above, basename(parent));
  const inside = relative(root, made);
  if (inside.startsWith('..')) throw outside(inside);
  refuseGitInternals(split(inside), inside);
  await mkdir(made).catch((thrown) => {
    if (errnoOf(thrown) !== 'EEXIST') throw thrown;
  });
  const { owner } = options.createParents;
  if (owner !== undefined) await chown(made, owner.uid, owner.gid);
  return made;
}

function portableDirectory(root: string, path: string): ConfinedDirectory {
  return {
    path,
    relative: split(relative(root, path)).join('/'),
    async child(name) {
      const below = join(path, name.toString());
      if (!(await lstat(below)).isDirectory())
        throw Object.assign(new Error('not a directory'), { code: 'ENOTDIR' });
      return portableDirectory(root, below);
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
