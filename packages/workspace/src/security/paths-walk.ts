import { constants } from 'node:fs';
import { type FileHandle, lchown, lstat, mkdir, open, readlink } from 'node:fs/promises';
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

/** Linux's O_PATH (the same on every architecture Node runs on): a handle to walk through, needing no right to read. */
const O_PATH = 0o10000000;
const STEP = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** As many as Linux itself follows (path_resolution(7)). */
const MAX_LINKS = 40;
/** Each level holds a descriptor while a path is walked. */
const MAX_DEPTH = 256;
/** How often a component may change its kind under our hands before the call gives up. */
const MAX_RETRIES = 16;

interface Level {
  readonly handle: FileHandle;
  readonly name: string;
}

/**
 * Confinement by a walk that a change of the tree cannot beat: every directory is opened by a handle relative to
 * the one before (`/proc/self/fd/N/name`, never following a link), links are read and resolved here, and `..` goes
 * back to the handle we came from instead of asking the file system.
 *
 * @param root real, absolute path of the tree
 */
export function createWalkingConfinement(root: string): Confinement {
  const resolve = async (path: string, options: ResolveOptions = {}): Promise<ConfinedPath> => {
    const walk = await PathWalk.start(root, path, options);
    try {
      return await walk.run();
    } catch (thrown) {
      await walk.close();
      throw fileError(thrown, path);
    }
  };
  return {
    raceSafe: true,
    resolve,
    async openDirectory(path) {
      const place = await resolve(path);
      if (place.name === '') return place.directory;
      try {
        return await place.directory.child(place.name);
      } catch (thrown) {
        throw fileError(thrown, place.shown);
      } finally {
        await place[Symbol.asyncDispose]();
      }
    },
  };
}

class PathWalk {
  private readonly root: string;
  private readonly requested: readonly string[];
  private readonly pending: string[];
  private readonly levels: Level[];
  private readonly options: ResolveOptions;
  private links = 0;
  private retries = 0;

  private constructor(root: string, path: string, options: ResolveOptions, rootHandle: FileHandle) {
    this.root = root;
    this.options = options;
    this.levels = [{ handle: rootHandle, name: '' }];
    this.requested = componentsFromRoot(root, path);
    this.pending = [...this.requested];
  }

  static async start(root: string, path: string, options: ResolveOptions): Promise<PathWalk> {
    componentsFromRoot(root, path);
    const handle = await open(root, STEP).catch((thrown) => {
      throw new ShadowError('WORKSPACE_LOST', 'The directory of this workspace is gone.', { cause: thrown });
    });
    return new PathWalk(root, path, options, handle);
  }

  async run(): Promise<ConfinedPath> {
    for (;;) {
      const name = this.pending.shift();
      if (name === undefined) return this.finishAtTop();
      if (name === '..') await this.leave();
      else if (this.pending.length > 0) await this.enter(name);
      else if (this.options.follow === false || !(await this.followLink(name))) return this.finish(name);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.levels.splice(0).map((level) => level.handle.close()));
  }

  private here(name: string): string {
    return `${pathOf(this.top().handle)}/${name}`;
  }

  private top(): Level {
    const level = this.levels.at(-1);
    if (level === undefined) throw new Error('The walk is closed.');
    return level;
  }

  private async leave(): Promise<void> {
    if (this.levels.length === 1) throw outside(this.requested.join('/'));
    await this.levels.pop()?.handle.close();
  }

  private async enter(name: string): Promise<void> {
    if (this.levels.length >= MAX_DEPTH)
      throw new ShadowError('PATH_INVALID', 'The path is nested too deeply.');
    try {
      this.levels.push({ handle: await open(this.here(name), STEP), name });
    } catch (thrown) {
      await this.recover(name, thrown);
    }
  }

  /** A step failed: the name is a link, or missing, or no directory, or it changed meanwhile. */
  private async recover(name: string, thrown: unknown): Promise<void> {
    const errno = errnoOf(thrown);
    if (errno === 'ENOENT' && this.options.createParents !== undefined) return this.create(name);
    if (errno !== 'ENOTDIR' && errno !== 'ELOOP') throw thrown;
    if (await this.followLink(name)) return;
    const kind = await lstat(this.here(name));
    if (!kind.isDirectory() && !kind.isSymbolicLink()) throw thrown;
    this.again(name);
  }

  private async create(name: string): Promise<void> {
    refuseGitInternals([...this.names(), name], this.requested.join('/'));
    const owner = this.options.createParents?.owner;
    try {
      await mkdir(this.here(name));
      if (owner !== undefined) await lchown(this.here(name), owner.uid, owner.gid);
    } catch (thrown) {
      if (errnoOf(thrown) !== 'EEXIST') throw thrown;
    }
    this.again(name);
  }

  private again(name: string): void {
    this.retries += 1;
    if (this.retries > MAX_RETRIES + MAX_DEPTH) {
      throw new ShadowError('PATH_INVALID', 'The path kept changing while it was being resolved. Try again.');
    }
    this.pending.unshift(name);
  }

  /** Puts a link's target in place of its name; false when the name is no link. */
  private async followLink(name: string): Promise<boolean> {
    let target: string;
    try {
      target = await readlink(this.here(name));
    } catch (thrown) {
      const errno = errnoOf(thrown);
      if (errno === 'EINVAL' || errno === 'ENOENT') return false;
      throw thrown;
    }
    this.links += 1;
    if (this.links > MAX_LINKS)
      throw new ShadowError('PATH_INVALID', 'The path has too many symbolic links.');
    const absolute = target.startsWith('/');
    const parts = absolute ? this.insideRoot(target) : split(target);
    if (absolute) await Promise.all(this.levels.splice(1).map((level) => level.handle.close()));
    this.pending.unshift(...parts);
    return true;
  }

  private insideRoot(target: string): string[] {
    try {
      return componentsFromRoot(this.root, target);
    } catch {
      // Where the link leads is the server's business: the caller is told its own path.
      throw outside(this.requested.join('/'));
    }
  }

  private names(): string[] {
    return this.levels.slice(1).map((level) => level.name);
  }

  /** The path ended in `..`, `.` or nothing: its place is the directory we stand in. */
  private async finishAtTop(): Promise<ConfinedPath> {
    if (this.levels.length === 1) return this.finish('');
    const last = this.levels.pop();
    await last?.handle.close();
    return this.finish(last?.name ?? '');
  }

  private async finish(name: string): Promise<ConfinedPath> {
    const names = this.names();
    const components = name === '' ? names : [...names, name];
    const relative = components.join('/');
    const shown = shownPath(this.requested, relative);
    if (this.options.write === true || this.options.createParents !== undefined) {
      refuseGitInternals(components, shown);
    }
    const { handle } = this.top();
    await Promise.all(this.levels.splice(0, this.levels.length - 1).map((level) => level.handle.close()));
    const directory = new WalkedDirectory(handle, names.join('/'));
    return {
      directory,
      name,
      path: `${directory.path}/${name === '' ? '.' : name}`,
      relative,
      shown,
      [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
    };
  }
}

class WalkedDirectory implements ConfinedDirectory {
  readonly path: string;
  readonly relative: string;
  private readonly handle: FileHandle;

  constructor(handle: FileHandle, relative: string) {
    this.handle = handle;
    this.path = pathOf(handle);
    this.relative = relative;
  }

  async child(name: string | Buffer): Promise<ConfinedDirectory> {
    const bytes = Buffer.concat([Buffer.from(`${this.path}/`), Buffer.from(name)]);
    const text = name.toString();
    return new WalkedDirectory(
      await open(bytes, STEP),
      this.relative === '' ? text : `${this.relative}/${text}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.handle.fd !== -1) await this.handle.close();
  }
}

function pathOf(handle: FileHandle): string {
  return `/proc/self/fd/${handle.fd}`;
}
