import { join } from 'node:path';
import { ShadowError } from '@shadow/protocol';
import { harmlessSettings, type RepositorySettings } from './config.ts';
import { completeGit, type GitOutput, type GitRun, streamGit } from './git-process.ts';
import { type GitScope, readGitFile } from './git-scope.ts';

/**
 * Runs git on the workspace as its user, with nothing of the workspace able to run inside it: the repository's config
 * is replaced (see PrivateGitDirectory), hooks, helpers and prompts are off, and so are the machine's and the user's
 * own settings.
 *
 * @throws ShadowError GIT_MISSING, REPOSITORY_NOT_FOUND, GIT_FAILED (in git's own words), CANCELLED, TIMEOUT
 */
export async function runGit(scope: GitScope, run: GitRun): Promise<GitOutput> {
  return completeGit(scope, run, await repositoryLocation(scope, run.signal));
}

/** Runs git and hands back its output as text. */
export async function gitText(scope: GitScope, run: GitRun): Promise<string> {
  return (await runGit(scope, run)).stdout.toString('utf8');
}

/** Runs git and yields its output as it is read. */
export async function* gitBytes(scope: GitScope, run: GitRun): AsyncGenerator<Uint8Array, void, undefined> {
  yield* streamGit(scope, run, await repositoryLocation(scope, run.signal));
}

/** Runs git where there is no repository, or none that counts yet. */
export function runGitAlone(scope: GitScope, run: GitRun): Promise<GitOutput> {
  return completeGit(scope, run, { GIT_DIR: '/dev/null' });
}

/** Runs `git init`, which must not be told where the repository is. */
export function initGit(scope: GitScope, run: GitRun): Promise<GitOutput> {
  return completeGit(scope, run, {});
}

async function repositoryLocation(
  scope: GitScope,
  signal: AbortSignal | undefined,
): Promise<Record<string, string>> {
  const settings = await repositorySettings(scope, signal);
  return {
    GIT_DIR: join(scope.root, '.git'),
    GIT_COMMON_DIR: await scope.privateDirectory.path(settings.config),
    GIT_WORK_TREE: scope.root,
  };
}

const settingsOfConfig = new WeakMap<GitScope, { config: string; settings: RepositorySettings }>();

/** What of the workspace's config is harmless; read anew whenever the file has changed. */
export async function repositorySettings(
  scope: GitScope,
  signal: AbortSignal | undefined,
): Promise<RepositorySettings> {
  const config = (await readGitFile(scope, 'config'))?.toString('utf8') ?? '';
  const known = settingsOfConfig.get(scope);
  if (known?.config === config) return known.settings;
  // Over standard input git neither follows includes nor knows a repository.
  const args = ['config', '--file', '-', '--no-includes', '--list', '-z'];
  const listing = await runGitAlone(scope, { args, input: config, signal, accept: [0, 128] });
  if (listing.exitCode !== 0)
    throw new ShadowError('GIT_FAILED', 'The config of the repository (.git/config) is not valid.');
  const settings = harmlessSettings(listing.stdout.toString('utf8'));
  settingsOfConfig.set(scope, { config, settings });
  return settings;
}
