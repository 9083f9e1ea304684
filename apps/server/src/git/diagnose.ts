import { stat } from 'node:fs/promises';
import { ShadowError } from '@shadow/protocol';
import axios from 'axios';
import { type GitEnvironment, type GitOutput, lastWords, runGit, withoutCredentials } from './git-command.ts';
import type { RepositorySource } from './repository-source.ts';

/**
 * Says why a repository could not be read. git itself answers 128 to everything, so the cause is looked up where it is
 * told by code: the file system for a path, the smart-HTTP discovery request for a URL.
 * Source: git's http-protocol documentation, "Discovering References".
 */
export async function diagnose(
  environment: GitEnvironment,
  source: RepositorySource,
  output: GitOutput,
): Promise<ShadowError> {
  const words = lastWords(output.stderr);
  if (source.kind !== 'remote') return diagnosePath(environment, source, words);
  if (/^https?:/.test(source.url)) return diagnoseHttp(source, words);
  return new ShadowError(
    'REPOSITORY_UNREACHABLE',
    `Could not read ${withoutCredentials(source.url)}: ${words}. Check the address, and that this server's ssh key may read it.`,
  );
}

async function diagnosePath(
  environment: GitEnvironment,
  source: RepositorySource,
  words: string,
): Promise<ShadowError> {
  const found = await stat(source.url).catch((error: NodeJS.ErrnoException) => error.code ?? 'EIO');
  if (found === 'EACCES' || found === 'EPERM') {
    return new ShadowError('REPOSITORY_ACCESS_DENIED', `The server may not read ${source.url}.`);
  }
  if (typeof found === 'string') {
    return new ShadowError('REPOSITORY_NOT_FOUND', `There is nothing at ${source.url} on the server.`);
  }
  const inside = await runGit(environment, ['-C', source.url, 'rev-parse', '--git-dir']);
  if (inside.exitCode !== 0) {
    return new ShadowError(
      'REPOSITORY_NOT_FOUND',
      `${source.url} is not a git repository (run "git init" and commit there first).`,
    );
  }
  return new ShadowError('GIT_FAILED', `Could not read ${source.url}: ${words}`);
}

async function diagnoseHttp(source: RepositorySource, words: string): Promise<ShadowError> {
  const shown = withoutCredentials(source.url);
  const address = `${source.url.replace(/\/+$/, '')}/info/refs?service=git-upload-pack`;
  const status = await axios
    .get(address, {
      timeout: 10_000,
      validateStatus: () => true,
      maxContentLength: 65_536,
      responseType: 'text',
    })
    .then((response) => response.status)
    .catch((error: unknown) => (axios.isAxiosError(error) ? (error.code ?? 'no answer') : 'no answer'));
  if (status === 401 || status === 403) {
    return new ShadowError(
      'REPOSITORY_ACCESS_DENIED',
      `${shown} does not exist or is private (HTTP ${status}). Give this server's git access to it with a credential helper, or use its ssh address.`,
    );
  }
  if (status === 404 || status === 410) {
    return new ShadowError(
      'REPOSITORY_NOT_FOUND',
      `There is no repository at ${shown} (HTTP ${status}). Check the address.`,
    );
  }
  const said = typeof status === 'number' ? `HTTP ${status}` : status;
  return new ShadowError('REPOSITORY_UNREACHABLE', `Could not read ${shown} (${said}): ${words}`);
}
