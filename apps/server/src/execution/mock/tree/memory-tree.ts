import { ShadowError } from '@shadow/protocol';
import {
  componentsFromRoot,
  fileError,
  outside,
  refuseGitInternals,
  shownPath,
  split,
} from '@shadow/workspace/semantics';
import { type MemoryDirectory, type MemoryNode, newDirectory } from './nodes.ts';
import { TreeChanges } from './tree-changes.ts';

/** As many as Linux itself follows (path_resolution(7)). */
const MAX_LINKS = 40;
/** Bytes of a name (NAME_MAX). */
const MAX_NAME_BYTES = 255;

/** One place in the tree: a directory and a name in it. Nothing says that the name exists. */
export interface MemoryPlace {
  readonly directory: MemoryDirectory;
  /** '' when the place is the root itself. */
  readonly name: string;
  /** What is there. */
  readonly node: MemoryNode | undefined;
  /** From the root, with no links in it; '' for the root. */
  readonly relative: string;
  /** The path as results name it. */
  readonly shown: string;
}

export interface ResolveOptions {
  /** Follow a symbolic link at the end of the path too. Default true. */
  follow?: boolean;
  /** The place will be changed: refuses everything in a `.git`. */
  write?: boolean;
  /** Make missing parent directories. Implies `write`. */
  createParents?: boolean;
}

/** A tree of files in memory, with the path rules of the engine. */
export class MemoryTree {
  readonly root: MemoryDirectory = newDirectory();
  /** Absolute path that the tree claims to have. */
  readonly rootPath: string;
  readonly changes = new TreeChanges();

  constructor(rootPath: string) {
    this.rootPath = rootPath;
  }

  /** @throws ShadowError with the codes of the engine's path confinement */
  resolve(path: string, options: ResolveOptions = {}): MemoryPlace {
    try {
      return new Walk(this, path, options).run();
    } catch (thrown) {
      throw fileError(thrown, path);
    }
  }

  /** The directory at a path. @throws ShadowError FILE_NOT_FOUND, NOT_A_DIRECTORY and those of `resolve` */
  directory(path: string): { directory: MemoryDirectory; relative: string } {
    const { node, relative, shown } = this.resolve(path);
    if (node === undefined) throw fileError(errno('ENOENT'), shown);
    if (node.kind !== 'directory') throw fileError(errno('ENOTDIR'), shown);
    return { directory: node, relative };
  }

  /** Puts a node in place, whatever was there. */
  put(place: Pick<MemoryPlace, 'directory' | 'name' | 'relative'>, node: MemoryNode): void {
    const existed = place.directory.entries.has(place.name);
    place.directory.entries.set(place.name, node);
    place.directory.modifiedAt = new Date();
    this.changes.record(place.relative, existed ? 'modified' : 'created', node.kind === 'directory');
  }

  /** Takes a node out. */
  remove(place: Pick<MemoryPlace, 'directory' | 'name' | 'relative' | 'node'>): void {
    place.directory.entries.delete(place.name);
    place.directory.modifiedAt = new Date();
    this.changes.record(place.relative, 'deleted', place.node?.kind === 'directory');
  }
}

/** An error as the system names it; `fileError` gives it its code and words. */
export function errno(code: string): Error {
  return Object.assign(new Error(code), { code });
}

interface Level {
  readonly directory: MemoryDirectory;
  readonly name: string;
}

class Walk {
  readonly #tree: MemoryTree;
  readonly #requested: readonly string[];
  readonly #pending: string[];
  readonly #levels: Level[];
  readonly #options: ResolveOptions;
  #links = 0;

  constructor(tree: MemoryTree, path: string, options: ResolveOptions) {
    this.#tree = tree;
    this.#options = options;
    this.#requested = componentsFromRoot(tree.rootPath, path);
    this.#pending = [...this.#requested];
    this.#levels = [{ directory: tree.root, name: '' }];
  }

  run(): MemoryPlace {
    for (;;) {
      const name = this.#pending.shift();
      if (name === undefined) return this.#finishAtTop();
      if (name === '..') this.#leave();
      else if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw errno('ENAMETOOLONG');
      else if (this.#pending.length > 0) this.#enter(name);
      else if (this.#options.follow === false || !this.#followLink(name)) return this.#finish(name);
    }
  }

  get #top(): MemoryDirectory {
    return this.#levels.at(-1)?.directory ?? this.#tree.root;
  }

  #leave(): void {
    if (this.#levels.length === 1) throw outside(this.#requested.join('/'));
    this.#levels.pop();
  }

  #enter(name: string): void {
    const node = this.#top.entries.get(name);
    if (node?.kind === 'directory') {
      this.#levels.push({ directory: node, name });
      return;
    }
    if (this.#followLink(name)) return;
    if (node !== undefined) throw errno('ENOTDIR');
    if (this.#options.write === true || this.#options.createParents === true) this.#refuseGit([name]);
    if (this.#options.createParents !== true) throw errno('ENOENT');
    const made = newDirectory();
    this.#tree.put({ directory: this.#top, name, relative: this.#path(name) }, made);
    this.#levels.push({ directory: made, name });
  }

  #followLink(name: string): boolean {
    const node = this.#top.entries.get(name);
    if (node?.kind !== 'symlink') return false;
    this.#links += 1;
    if (this.#links > MAX_LINKS) {
      throw new ShadowError('PATH_INVALID', 'The path has too many symbolic links.');
    }
    if (node.target.startsWith('/')) {
      const parts = this.#insideRoot(node.target);
      this.#levels.splice(1);
      this.#pending.unshift(...parts);
    } else {
      this.#pending.unshift(...split(node.target));
    }
    return true;
  }

  #insideRoot(target: string): string[] {
    try {
      return componentsFromRoot(this.#tree.rootPath, target);
    } catch {
      // Where the link leads is nobody's business: the caller is told its own path.
      throw outside(this.#requested.join('/'));
    }
  }

  #names(): string[] {
    return this.#levels.slice(1).map((level) => level.name);
  }

  #path(name: string): string {
    return [...this.#names(), name].filter((part) => part !== '').join('/');
  }

  /** The path ended in `..`, `.` or nothing: its place is the directory we stand in. */
  #finishAtTop(): MemoryPlace {
    if (this.#levels.length === 1) return this.#finish('');
    return this.#finish(this.#levels.pop()?.name ?? '');
  }

  #finish(name: string): MemoryPlace {
    const relative = this.#path(name);
    const shown = shownPath(this.#requested, relative);
    if (this.#options.write === true || this.#options.createParents === true) this.#refuseGit([name]);
    const directory = this.#top;
    const node = name === '' ? this.#tree.root : directory.entries.get(name);
    return { directory, name, node, relative, shown };
  }

  #refuseGit(more: readonly string[]): void {
    refuseGitInternals([...this.#names(), ...more], this.#requested.join('/'));
  }
}
