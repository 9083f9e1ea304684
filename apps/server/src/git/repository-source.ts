import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SAMPLE_REPOSITORY, ShadowError } from '@shadow/protocol';

/** A repository as a person names it, understood. */
export interface RepositorySource {
  kind: 'sample' | 'local' | 'remote';
  /** What git is given: a URL or an absolute path. */
  url: string;
  /** Short name for people and directories. */
  name: string;
}

const SCP_LIKE = /^(?:[\w.-]+@)?[\w.-]+:(?!\/\/)[^\s]+$/;
const SCHEMES = new Set(['https:', 'http:', 'ssh:', 'git:', 'file:']);

/**
 * @param repository a git URL, `user@host:path`, an absolute path or "sample"
 * @throws ShadowError VALIDATION_FAILED for anything else, FORBIDDEN for a local path where those are off
 */
export function parseRepository(
  repository: string,
  options: { samplePath: string; allowLocal: boolean },
): RepositorySource {
  if (repository === SAMPLE_REPOSITORY) {
    return { kind: 'sample', url: options.samplePath, name: 'sample' };
  }
  if (repository.startsWith('-') || /[\p{Cc}]/u.test(repository)) throw invalid(repository);
  if (isAbsolute(repository)) return local(resolve(repository), options.allowLocal);
  const url = URL.canParse(repository) ? new URL(repository) : undefined;
  if (url !== undefined && SCHEMES.has(url.protocol)) {
    if (url.protocol === 'file:') return local(fileURLToPath(url), options.allowLocal);
    if (url.password !== '') {
      throw new ShadowError(
        'VALIDATION_FAILED',
        'The repository URL holds a password. Leave it out: it would be stored with the task. Use a git credential helper or ssh instead.',
      );
    }
    return { kind: 'remote', url: url.href, name: nameOf(url.pathname) };
  }
  if (SCP_LIKE.test(repository)) return { kind: 'remote', url: repository, name: nameOf(repository) };
  throw invalid(repository);
}

function local(path: string, allowed: boolean): RepositorySource {
  if (!allowed) {
    throw new ShadowError(
      'FORBIDDEN',
      'This server does not take repositories from its own disk (ALLOW_LOCAL_REPOSITORIES). Give a git URL.',
    );
  }
  return { kind: 'local', url: path, name: nameOf(path) };
}

function nameOf(path: string): string {
  const last =
    path
      .split(/[/:]/)
      .filter((part) => part !== '')
      .at(-1) ?? 'repository';
  return last.replace(/\.git$/, '') || 'repository';
}

function invalid(repository: string): ShadowError {
  return new ShadowError(
    'VALIDATION_FAILED',
    `"${repository.slice(0, 200)}" is not a repository. Give a git URL (https://…, ssh://…, git@host:path), an absolute path, or "sample".`,
  );
}
