import { type GitCredential, ShadowError } from '@shadow/protocol';
import { MemoryRepository } from './memory-repository.ts';

/** A simulated repository on a simulated server. */
export interface MemoryRemote {
  /** Its HEAD is the default branch. */
  readonly repository: MemoryRepository;
  /** Without it nothing is read and nothing written; undefined for one that is open to all. */
  readonly credential: GitCredential | undefined;
}

/** The servers that a simulated workspace can reach. */
export class MemoryRemotes {
  readonly #remotes = new Map<string, MemoryRemote>();

  /** Makes a repository without a commit, or finds the one of this address. */
  create(url: string, defaultBranch: string, credential?: GitCredential): MemoryRemote {
    const known = this.#remotes.get(url);
    if (known !== undefined) return known;
    const remote = { repository: new MemoryRepository(defaultBranch), credential };
    this.#remotes.set(url, remote);
    return remote;
  }

  /** @throws ShadowError REPOSITORY_UNREACHABLE, REPOSITORY_NOT_FOUND, REPOSITORY_ACCESS_DENIED */
  open(url: string, credential: GitCredential | undefined): MemoryRemote {
    const remote = this.#remotes.get(url);
    if (remote === undefined) throw this.#missing(url);
    const { credential: needed } = remote;
    const isRight =
      needed === undefined ||
      (needed.username === credential?.username && needed.password === credential.password);
    if (isRight) return remote;
    throw new ShadowError('REPOSITORY_ACCESS_DENIED', `${url} is not open to this access (simulated).`);
  }

  #missing(url: string): ShadowError {
    const host = hostOf(url);
    if ([...this.#remotes.keys()].some((known) => hostOf(known) === host)) {
      return new ShadowError('REPOSITORY_NOT_FOUND', `There is no repository at ${url} (simulated).`);
    }
    return new ShadowError('REPOSITORY_UNREACHABLE', `There is no server at ${url} (simulated).`);
  }
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : (url.split(':')[0] ?? url);
}
