import { createHash } from 'node:crypto';
import { noRevision } from '@shadow/workspace/semantics';
import type { Snapshot } from './snapshots.ts';

export interface Identity {
  readonly name: string;
  readonly email: string;
}

export interface MemoryCommit {
  readonly id: string;
  readonly files: Snapshot;
  readonly parents: readonly string[];
  readonly author: Identity;
  readonly message: string;
  readonly authoredAt: string;
}

/** What a simulated clone was made from. */
export interface MemoryClone {
  readonly originUrl: string;
  readonly branch: string;
  readonly baseBranch: string;
  readonly baseCommit: string;
}

/** Commits and branches in memory; HEAD is always on a branch, born or not. */
export class MemoryRepository {
  readonly #commits = new Map<string, MemoryCommit>();
  readonly #branches = new Map<string, string>();
  branch: string;
  /** Of a repository that was cloned. */
  clone: MemoryClone | undefined;

  /** @param branch the first one, unborn */
  constructor(branch: string) {
    this.branch = branch;
  }

  get head(): MemoryCommit | undefined {
    return this.find('HEAD');
  }

  /** Files of HEAD; none before the first commit. */
  get headFiles(): Snapshot {
    return this.head?.files ?? new Map();
  }

  hasBranch(name: string): boolean {
    return this.#branches.has(name);
  }

  setBranch(name: string, commit: string): void {
    this.#branches.set(name, commit);
  }

  /** Branches and the commits that they are at. */
  get branches(): ReadonlyMap<string, string> {
    return this.#branches;
  }

  /** Takes over commits of another repository. */
  adopt(commits: Iterable<MemoryCommit>): void {
    for (const commit of commits) this.#commits.set(commit.id, commit);
  }

  /** Commits of the branches, without what one of them reaches. @param since its id; undefined for all */
  reachable(since?: string): MemoryCommit[] {
    const excluded = new Set(since === undefined ? [] : this.log(since).map(({ id }) => id));
    const found = new Map<string, MemoryCommit>();
    for (const tip of this.#branches.values())
      for (const commit of this.log(tip)) found.set(commit.id, commit);
    return [...found.values()].filter(({ id }) => !excluded.has(id));
  }

  /** Whether one commit is another or comes before it. */
  reaches(tip: string, commit: string): boolean {
    return this.find(commit) !== undefined && this.log(tip).some(({ id }) => id === commit);
  }

  /** Adds a commit on top of HEAD and moves the branch to it. @param at ISO 8601 time; default now */
  commit(files: Snapshot, author: Identity, message: string, at?: string): MemoryCommit {
    const parents = this.head === undefined ? [] : [this.head.id];
    const authoredAt = at ?? new Date().toISOString();
    const id = idOf([parents, author, message, authoredAt, this.#commits.size], files);
    const commit = { id, files, parents, author, message, authoredAt };
    this.#commits.set(id, commit);
    this.#branches.set(this.branch, id);
    return commit;
  }

  /** The commit that a name stands for: HEAD, a branch, an id or its beginning, with `~n` or `^` behind it. */
  find(revision: string): MemoryCommit | undefined {
    const [, name = '', steps = ''] = /^(.+?)((?:~\d*|\^)*)$/.exec(revision) ?? [];
    const id =
      name === 'HEAD' ? this.#branches.get(this.branch) : (this.#branches.get(name) ?? this.#byPrefix(name));
    let commit = id === undefined ? undefined : this.#commits.get(id);
    for (const [step] of steps.matchAll(/~\d*|\^/g)) {
      const count = step === '^' || step === '~' ? 1 : Number(step.slice(1));
      for (let back = 0; back < count; back += 1) commit = this.#commits.get(commit?.parents[0] ?? '');
    }
    return commit;
  }

  /** Commits of a revision or of a range `a..b`, the newest first. @throws ShadowError BRANCH_NOT_FOUND */
  log(revision: string): MemoryCommit[] {
    const [from, to] = revision.includes('..') ? revision.split('..', 2) : [undefined, revision];
    const excluded = new Set(from === undefined ? [] : this.#history(from, revision).map(({ id }) => id));
    return this.#history(to === undefined || to === '' ? 'HEAD' : to, revision).filter(
      ({ id }) => !excluded.has(id),
    );
  }

  #history(revision: string, shown: string): MemoryCommit[] {
    const history: MemoryCommit[] = [];
    let commit = this.find(revision === '' ? 'HEAD' : revision);
    if (commit === undefined) throw noRevision(shown);
    while (commit !== undefined) {
      history.push(commit);
      commit = this.#commits.get(commit.parents[0] ?? '');
    }
    return history;
  }

  #byPrefix(prefix: string): string | undefined {
    if (!/^[0-9a-f]{4,64}$/.test(prefix)) return undefined;
    const found = [...this.#commits.keys()].filter((id) => id.startsWith(prefix));
    return found.length === 1 ? found[0] : undefined;
  }
}

function idOf(header: unknown, files: Snapshot): string {
  const hash = createHash('sha1').update(JSON.stringify(header));
  for (const [path, { bytes, mode }] of files) hash.update(`\0${path}\0${mode}\0`).update(bytes);
  return hash.digest('hex');
}
