import { createHash } from 'node:crypto';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ShadowError } from '@shadow/protocol';
import { KeyedQueue } from '../tasks/keyed-queue.ts';
import { type GitEnvironment, gitFailed, gitOutput, runGit } from './git-command.ts';
import { type RemoteRefs, readRemoteRefs } from './remote-refs.ts';
import type { RepositorySource } from './repository-source.ts';

export interface FetchProgress {
  signal?: AbortSignal | undefined;
  log?: (text: string) => void;
}

const REFSPECS = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'];

/**
 * Bare mirrors of repositories, shared by tasks, owned by the server. One lock a mirror, because concurrent fetches of
 * one fail with "cannot lock ref"; gc is off, because workspaces hard-link to their objects.
 */
export class MirrorCache {
  readonly #directory: string;
  readonly #environment: GitEnvironment;
  readonly #locks = new KeyedQueue();

  constructor(directory: string, environment: GitEnvironment) {
    this.#directory = directory;
    this.#environment = environment;
  }

  /** Directory of the mirror, whether it exists yet or not. */
  path(source: RepositorySource): string {
    const key = createHash('sha256').update(source.url).digest('hex').slice(0, 16);
    return join(this.#directory, `${source.name.replace(/[^\w.-]/g, '_').slice(0, 40)}-${key}.git`);
  }

  async exists(source: RepositorySource): Promise<boolean> {
    return stat(join(this.path(source), 'HEAD')).then(
      () => true,
      () => false,
    );
  }

  /**
   * Asks the repository itself, with the asking user's access: what it answers is fresh, and whoever may not read it
   * learns nothing from the mirror.
   * @throws ShadowError REPOSITORY_NOT_FOUND, REPOSITORY_ACCESS_DENIED, REPOSITORY_UNREACHABLE, GIT_MISSING
   */
  readRefs(source: RepositorySource, progress: FetchProgress = {}): Promise<RemoteRefs> {
    return readRemoteRefs(this.#environment, source, progress.signal);
  }

  /** Commit of a branch as the mirror has it; undefined when it does not. */
  async cachedCommit(source: RepositorySource, branch: string): Promise<string | undefined> {
    const args = [
      '--git-dir',
      this.path(source),
      'rev-parse',
      '--verify',
      '--quiet',
      `refs/heads/${branch}^{commit}`,
    ];
    const output = await runGit(this.#environment, args);
    return output.exitCode === 0 ? output.stdout.trim() : undefined;
  }

  /** Commit of the default branch as the mirror last heard of it. */
  async cachedDefault(source: RepositorySource): Promise<string | undefined> {
    const output = await runGit(this.#environment, [
      '--git-dir',
      this.path(source),
      'rev-parse',
      '--verify',
      '--quiet',
      'HEAD^{commit}',
    ]);
    return output.exitCode === 0 ? output.stdout.trim() : undefined;
  }

  /**
   * Makes sure the mirror holds a commit, fetching only when it does not.
   * @returns whether anything was transferred
   */
  ensureCommit(
    source: RepositorySource,
    commit: string,
    defaultBranch: string | null,
    progress: FetchProgress = {},
  ): Promise<boolean> {
    return this.#locks.run(this.path(source), async () => {
      progress.signal?.throwIfAborted();
      const mirror = this.path(source);
      if (await this.#has(mirror, commit)) return false;
      await this.#create(source, mirror);
      await this.#fetch(source, mirror, progress);
      await this.#pointHead(mirror, defaultBranch);
      // What was fetched may have moved on since the commit was asked for; then a ref holds it in its history.
      if (await this.#has(mirror, commit, 'contains')) return true;
      throw new ShadowError(
        'GIT_FAILED',
        `The commit ${commit.slice(0, 12)} was not found after fetching ${source.name}; it was just removed there. Try again.`,
      );
    });
  }

  /**
   * Whether a ref points at the commit, or contains it. The object alone proves nothing: a fetch that was killed leaves commits without
   * their trees, and only what a ref names was checked to be whole.
   */
  async #has(mirror: string, commit: string, how: 'points-at' | 'contains' = 'points-at'): Promise<boolean> {
    if (!(await stat(mirror).catch(() => undefined))) return false;
    const args = ['--git-dir', mirror, 'for-each-ref', '--count=1', `--${how}=${commit}`];
    const output = await runGit(this.#environment, args);
    return output.exitCode === 0 && output.stdout !== '';
  }

  /** Made beside its place and moved there, so that a crash leaves no half mirror. */
  async #create(source: RepositorySource, mirror: string): Promise<void> {
    if (await this.exists(source)) return;
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const fresh = `${mirror}.new`;
    await rm(fresh, { recursive: true, force: true });
    await gitOutput(this.#environment, ['init', '--quiet', '--bare', '--', fresh]);
    await rename(fresh, mirror);
  }

  /** A local clone and the next guess start from the branch that the repository calls its default. */
  async #pointHead(mirror: string, defaultBranch: string | null): Promise<void> {
    if (defaultBranch === null) return;
    await gitOutput(this.#environment, [
      '--git-dir',
      mirror,
      'symbolic-ref',
      'HEAD',
      `refs/heads/${defaultBranch}`,
    ]);
  }

  async #fetch(source: RepositorySource, mirror: string, progress: FetchProgress): Promise<void> {
    progress.log?.(`Fetching ${source.name}`);
    const args = [
      '--git-dir',
      mirror,
      'fetch',
      '--prune',
      '--no-write-fetch-head',
      '--progress',
      '--',
      source.url,
      ...REFSPECS,
    ];
    const output = await runGit(this.#environment, args, {
      signal: progress.signal,
      ...(progress.log === undefined ? {} : { onStderr: progress.log }),
    });
    if (output.exitCode === 0) return;
    // ls-remote has just succeeded: what fails now is the transfer (a full disk, a cut connection).
    throw gitFailed(args, output);
  }
}

/**
 * Picks the branch to start from.
 * @throws ShadowError BRANCH_NOT_FOUND naming branches that exist
 */
export function pickBase(
  refs: RemoteRefs,
  wanted: string | undefined,
  name: string,
): { branch: string; commit: string } {
  const branch = wanted ?? refs.defaultBranch;
  const commit = branch === null ? undefined : refs.branches.get(branch);
  if (branch !== null && commit !== undefined) return { branch, commit };
  if (refs.branches.size === 0) {
    throw new ShadowError('BRANCH_NOT_FOUND', `${name} has no commits yet. Commit something there first.`);
  }
  const known = [...refs.branches.keys()].slice(0, 8).join(', ');
  throw new ShadowError(
    'BRANCH_NOT_FOUND',
    `${name} has no branch "${wanted ?? refs.defaultBranch}". It has: ${known}.`,
    {
      details: { branches: [...refs.branches.keys()].slice(0, 100) },
    },
  );
}
