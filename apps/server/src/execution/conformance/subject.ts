import type { GitCredential } from '@shadow/protocol';
import type { ToolExecutor } from '../interfaces/tool-executor.ts';
import type { Capabilities } from '../interfaces/types.ts';

/** Puts things into the workspace behind the executor's back, as another program would. Parents are made. */
export interface SeedFiles {
  /** @param mode POSIX permission bits; default 0o644 */
  file(path: string, content: string | Uint8Array, mode?: number): Promise<void>;
  directory(path: string): Promise<void>;
  /** A symbolic link whose target is stored as given. */
  link(path: string, target: string): Promise<void>;
  /** Empties the workspace, `.git` included; needed where `remotes` are. */
  clear?(): Promise<void>;
}

/** A git server that the workspace under test can reach over http, and the test from behind. */
export interface GitRemotes extends AsyncDisposable {
  /** Makes a repository without a commit, its default branch `main`. @returns its address */
  create(credential?: GitCredential): Promise<string>;
  /** Commits files on top of a branch; a new one begins where `main` is, or as an orphan. @returns the commit's id */
  commit(
    url: string,
    branch: string,
    files: Readonly<Record<string, string>>,
    options?: { orphan?: boolean },
  ): Promise<string>;
  /** Commit of a branch; undefined when it is not there. */
  tip(url: string, branch: string): Promise<string | undefined>;
  /** An address of this server without a repository. */
  missing(): string;
  /** An address where nothing listens. */
  unreachable(): string;
}

/** Starts one for the executor under test. */
export type OpenRemotes = (executor: ToolExecutor) => Promise<GitRemotes>;

/** A workspace under test. */
export interface Subject {
  readonly executor: ToolExecutor;
  readonly capabilities: Capabilities;
  readonly seed: SeedFiles;
  /** Absolute path of the workspace as its own commands see it. */
  readonly root: string;
  dispose(): Promise<void>;
}

/**
 * What lies in a new workspace: nothing; a repository without a commit, on branch `main`; or one whose only commit
 * (author `Seed <seed@example.com>`, subject `Seed`) holds `README.md` with the text `# Seed\n`. The repository has no
 * identity configured.
 */
export type RepositoryState = 'none' | 'empty' | 'committed';

/** Makes a workspace for the suite; called a handful of times, each is shared by many tests. */
export type SetUp = (options: { repository: RepositoryState }) => Promise<Subject>;
