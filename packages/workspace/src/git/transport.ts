import { type GitCredential, ShadowError } from '@shadow/protocol';
import { allowedScheme, isHttp } from './addresses.ts';
import { scrubbed } from './credential.ts';
import type { Network } from './git-environment.ts';
import { type GitOutput, gitFailed } from './git-process.ts';
import type { GitScope } from './git-scope.ts';

/**
 * What a git needs to reach a repository.
 *
 * @throws ShadowError VALIDATION_FAILED, FORBIDDEN
 */
export function networkTo(scope: GitScope, url: string, credential: GitCredential | undefined): Network {
  return { url, scheme: allowedScheme(scope, url), credential };
}

/**
 * Why a git could not work with a repository. Over HTTP the server's answers tell. Over ssh, git's own protocol and from
 * disk there is no code: git ends with 128 and ssh with 255 whatever was wrong, so the words that those programs have
 * for the few cases that a person can mend are looked for, in the language that our environment fixes.
 */
export function transportFailure({ url, scheme }: Network, command: string, output: GitOutput): ShadowError {
  const words = output.stderr === '' ? `git ended with ${output.exitCode}` : output.stderr;
  const shown = scrubbed(url, undefined);
  if (isHttp(scheme)) return httpFailure(shown, command, output, words);
  if (/Permission denied|Host key verification failed/.test(words)) return denied(shown, words);
  const isMissing = /does not appear to be a git repository|does not exist|^fatal: remote error:|not found/im;
  if (isMissing.test(words)) return missing(shown, words);
  if (scheme === 'file') return gitFailed(command, output.exitCode, words);
  return unreachable(shown, words);
}

function httpFailure(shown: string, command: string, output: GitOutput, words: string): ShadowError {
  const { status, spokeGit } = output.http;
  if (status === 401 || status === 403 || status === 407) return denied(shown, words, status);
  if (status === 404 || status === 410) return missing(shown, words, status);
  if (status === undefined || status === 429 || status >= 500) return unreachable(shown, words, status);
  if (!spokeGit) return missing(shown, words, status);
  // A transfer that was cut: the server had said yes.
  if (/early EOF|RPC failed|hung up|unexpected disconnect|curl \d+/.test(words))
    return unreachable(shown, words, status);
  return gitFailed(command, output.exitCode, words);
}

function denied(shown: string, words: string, status?: number): ShadowError {
  const message = `${shown} does not exist or is not open to this access. ${words}`;
  return new ShadowError('REPOSITORY_ACCESS_DENIED', message, details(status));
}

function missing(shown: string, words: string, status?: number): ShadowError {
  return new ShadowError(
    'REPOSITORY_NOT_FOUND',
    `There is no repository at ${shown}. ${words}`,
    details(status),
  );
}

function unreachable(shown: string, words: string, status?: number): ShadowError {
  return new ShadowError('REPOSITORY_UNREACHABLE', `Could not reach ${shown}. ${words}`, details(status));
}

function details(status: number | undefined): { details?: Record<string, unknown> } {
  return status === undefined ? {} : { details: { httpStatus: status } };
}
