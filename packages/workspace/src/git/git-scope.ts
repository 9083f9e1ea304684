import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { ShadowError } from '@shadow/protocol';
import type { Isolation, RunAs } from '../context.ts';
import { fileError, outside } from '../security/path-errors.ts';
import type { Confinement } from '../security/paths.ts';
import { componentsFromRoot } from '../security/paths-common.ts';
import type { PrivateGitDirectory } from './private-directory.ts';

/** What every git operation of one workspace works with. */
export interface GitScope {
  readonly root: string;
  readonly confinement: Confinement;
  readonly runAs: RunAs | undefined;
  /** The workspace's environment; git gets a few named variables of it and nothing else. */
  readonly environment: Readonly<Record<string, string>>;
  readonly privateDirectory: PrivateGitDirectory;
  /** Git runs inside bubblewrap as commands do, with network where an operation needs it. */
  readonly isolation: Isolation | undefined;
  /** Whether repositories on this machine's own disk may be cloned. */
  readonly cloneFromDisk: boolean;
}

/** A config or an index larger than this is none of ours to copy. */
const MAX_INTERNAL_BYTES = 512 * 1024 * 1024;

/**
 * Reads a file of the workspace's `.git`, which must be a directory itself: a link or a pointer file could send git to
 * a repository elsewhere.
 *
 * @param name such as `config`
 * @returns undefined when there is no such file
 * @throws ShadowError REPOSITORY_NOT_FOUND when the workspace is no repository of its own
 */
export async function readGitFile(scope: GitScope, name: string): Promise<Buffer | undefined> {
  await using root = await scope.confinement.openDirectory('.');
  const git = await root.child('.git').catch((thrown) => {
    throw new ShadowError('REPOSITORY_NOT_FOUND', 'The workspace is not a git repository of its own.', {
      cause: thrown,
    });
  });
  await using directory = git;
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  try {
    await using handle = await open(`${directory.path}/${name}`, flags);
    const stats = await handle.stat();
    if (!stats.isFile() || stats.size > MAX_INTERNAL_BYTES) return undefined;
    return await handle.readFile();
  } catch (thrown) {
    const error = fileError(thrown, `.git/${name}`);
    if (error instanceof ShadowError && error.code === 'FILE_NOT_FOUND') return undefined;
    throw error;
  }
}

/**
 * A caller's path as git knows it: relative to the root, `..` resolved by its letters, since the file may be deleted.
 *
 * @throws ShadowError PATH_OUTSIDE_WORKSPACE
 */
export function repositoryPath(root: string, path: string): string {
  const kept: string[] = [];
  for (const component of componentsFromRoot(root, path)) {
    if (component !== '..') kept.push(component);
    else if (kept.pop() === undefined) throw outside(path);
  }
  return kept.join('/');
}
