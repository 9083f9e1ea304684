import type { Dirent, Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import type { DirectoryEntry, FileKind, ListDirectoryRequest, ListDirectoryResult } from '@shadow/protocol';
import { throwIfCancelled } from '../operation.ts';
import { errnoOf, fileError } from '../security/path-errors.ts';
import type { ConfinedDirectory } from '../security/paths.ts';
import { type IgnoreRules, ignoreRulesOf, rootIgnoreRules } from './ignore-rules.ts';
import type { FileScope } from './scope.ts';

const DEFAULT_LIMIT = 2_000;
const DEFAULT_DEPTH = 64;

/**
 * Lists a directory, or everything below it, in order of names; directories come before what is in them. Never `.git`,
 * never through symbolic links, and without what .gitignore leaves out unless asked for.
 *
 * @throws ShadowError FILE_NOT_FOUND, NOT_A_DIRECTORY
 */
export async function listEntries(
  scope: FileScope,
  request: ListDirectoryRequest,
  signal: AbortSignal | undefined,
): Promise<ListDirectoryResult> {
  const wanted = request.path ?? '.';
  await using directory = await scope.confinement.openDirectory(wanted);
  const rules = request.includeIgnored === true ? undefined : await rulesDownTo(scope, directory);
  const listing = new Listing(request.limit ?? DEFAULT_LIMIT, signal);
  const depth = request.recursive === true ? (request.maxDepth ?? DEFAULT_DEPTH) : 1;
  await listing.add(directory, rules, depth).catch((thrown) => {
    throw fileError(thrown, wanted);
  });
  return { path: directory.relative, entries: listing.entries, truncated: listing.truncated };
}

/** The rules that hold in a directory, gathered on the way from the root. */
async function rulesDownTo(scope: FileScope, directory: ConfinedDirectory): Promise<IgnoreRules> {
  const root = await scope.confinement.openDirectory('.');
  let rules = await rootIgnoreRules(root);
  let current = root;
  try {
    for (const name of directory.relative === '' ? [] : directory.relative.split('/')) {
      const next = await current.child(name);
      await current[Symbol.asyncDispose]();
      current = next;
      rules = await ignoreRulesOf(current, rules);
    }
  } catch (thrown) {
    throw fileError(thrown, directory.relative);
  } finally {
    await current[Symbol.asyncDispose]();
  }
  return rules;
}

class Listing {
  readonly entries: DirectoryEntry[] = [];
  truncated = false;
  private readonly limit: number;
  private readonly signal: AbortSignal | undefined;

  constructor(limit: number, signal: AbortSignal | undefined) {
    this.limit = limit;
    this.signal = signal;
  }

  async add(directory: ConfinedDirectory, rules: IgnoreRules | undefined, depth: number): Promise<void> {
    const found = await readdir(directory.path, { withFileTypes: true });
    found.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of found) {
      throwIfCancelled(this.signal);
      if (entry.name === '.git') continue;
      const path = directory.relative === '' ? entry.name : `${directory.relative}/${entry.name}`;
      if (rules?.ignores(path, entry.isDirectory())) continue;
      if (this.entries.length >= this.limit) {
        this.truncated = true;
        return;
      }
      await this.addEntry(directory, entry, path, rules, depth);
      if (this.truncated) return;
    }
  }

  private async addEntry(
    directory: ConfinedDirectory,
    entry: Dirent,
    path: string,
    rules: IgnoreRules | undefined,
    depth: number,
  ): Promise<void> {
    const stats = await lstat(`${directory.path}/${entry.name}`).catch(goneIsUndefined);
    if (stats === undefined) return;
    this.entries.push({ path, kind: kindOf(stats), size: stats.isDirectory() ? 0 : stats.size });
    if (!stats.isDirectory() || depth <= 1) return;
    const below = await directory.child(entry.name).catch(goneIsUndefined);
    if (below === undefined) return;
    await using child = below;
    const inner = rules === undefined ? undefined : await ignoreRulesOf(child, rules);
    await this.add(child, inner, depth - 1).catch(goneIsUndefined);
  }
}

/** A tree that is being worked on changes while it is listed; what vanished or may not be entered is passed over. */
function goneIsUndefined(thrown: unknown): undefined {
  const errno = errnoOf(thrown);
  if (errno === 'ENOENT' || errno === 'ENOTDIR' || errno === 'ELOOP' || errno === 'EACCES') return undefined;
  throw thrown;
}

/** What kind of thing stats describe. */
export function kindOf(stats: Stats): FileKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'symlink' : 'other';
}
