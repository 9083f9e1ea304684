import type { FileHandle } from 'node:fs/promises';
import { ShadowError } from '@shadow/protocol';
import type { RunAs } from '../context.ts';
import { openForReading } from '../files/read-bytes.ts';
import type { ConfinedDirectory, Confinement } from '../security/paths.ts';

/** What every search operation of one workspace works with. */
export interface SearchScope {
  readonly root: string;
  readonly confinement: Confinement;
  readonly runAs: RunAs | undefined;
  readonly environment: Readonly<Record<string, string>>;
}

/** Where a search runs: an open directory, or an open file. */
export interface SearchPlace extends AsyncDisposable {
  readonly directory: ConfinedDirectory;
  readonly file?: FileHandle;
  /** Path of the file, when it is one. */
  readonly filePath?: string;
  /** Put before a path that ripgrep names to get a path from the root. */
  readonly prefix: string;
  /** Arguments that this place needs. */
  readonly args: readonly string[];
}

/**
 * Opens what a search is to look at, so that it looks at just that: ripgrep starts in the open directory, or reads
 * the open file, whatever becomes of their names.
 *
 * @param path undefined for the whole workspace
 * @throws ShadowError FILE_NOT_FOUND, PATH_OUTSIDE_WORKSPACE
 */
export async function openSearchPlace(scope: SearchScope, path: string | undefined): Promise<SearchPlace> {
  try {
    return directoryPlace(await scope.confinement.openDirectory(path ?? '.'));
  } catch (thrown) {
    if (!(thrown instanceof ShadowError) || thrown.code !== 'NOT_A_DIRECTORY' || path === undefined)
      throw thrown;
  }
  const place = await scope.confinement.resolve(path);
  try {
    const { handle } = await openForReading(place, scope.runAs);
    return {
      directory: place.directory,
      file: handle,
      filePath: place.relative,
      prefix: '',
      args: [],
      async [Symbol.asyncDispose]() {
        await handle.close();
        await place[Symbol.asyncDispose]();
      },
    };
  } catch (thrown) {
    await place[Symbol.asyncDispose]();
    throw thrown;
  }
}

function directoryPlace(directory: ConfinedDirectory): SearchPlace {
  return {
    directory,
    prefix: directory.relative === '' ? '' : `${directory.relative}/`,
    // Above the root there may be rules that are none of this workspace's.
    args: directory.relative === '' ? ['--no-ignore-parent'] : [],
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}
