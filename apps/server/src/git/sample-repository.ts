import { cp, mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type GitEnvironment, gitOutput } from './git-command.ts';

/** The sample's first commit has a fixed author and date, so that its id is the same everywhere. */
const IDENTITY = {
  GIT_AUTHOR_NAME: 'Shadow',
  GIT_AUTHOR_EMAIL: 'shadow@localhost',
  GIT_AUTHOR_DATE: '2026-01-01T00:00:00Z',
  GIT_COMMITTER_NAME: 'Shadow',
  GIT_COMMITTER_EMAIL: 'shadow@localhost',
  GIT_COMMITTER_DATE: '2026-01-01T00:00:00Z',
} as const;

/**
 * The bundled sample as a git repository at `directory`, made when it is first wanted; who asks meanwhile waits for it.
 * @returns a function that gives the directory
 */
export function sampleRepository(
  environment: GitEnvironment,
  assets: string,
  directory: string,
): () => Promise<string> {
  let making: Promise<string> | undefined;
  return () => {
    making ??= ensureSampleRepository(environment, assets, directory).catch((error: unknown) => {
      making = undefined;
      throw error;
    });
    return making;
  };
}

async function ensureSampleRepository(
  environment: GitEnvironment,
  assets: string,
  directory: string,
): Promise<string> {
  if (await stat(join(directory, '.git', 'HEAD')).catch(() => undefined)) return directory;
  const fresh = `${directory}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  await cp(assets, fresh, { recursive: true });
  const git = { variables: { ...environment.variables, ...IDENTITY } };
  await gitOutput(git, ['-C', fresh, 'init', '--quiet', '--initial-branch=main']);
  await gitOutput(git, ['-C', fresh, 'add', '--all']);
  await gitOutput(git, [
    '-C',
    fresh,
    '-c',
    'commit.gpgSign=false',
    'commit',
    '--quiet',
    '--message',
    'A small library with a bug',
  ]);
  await rm(directory, { recursive: true, force: true });
  await rename(fresh, directory);
  return directory;
}
