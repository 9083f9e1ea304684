import type { ToolExecutor } from '../interfaces/tool-executor.ts';
import type { Capabilities } from '../interfaces/types.ts';

/** Puts things into the workspace behind the executor's back, as another program would. Parents are made. */
export interface SeedFiles {
  /** @param mode POSIX permission bits; default 0o644 */
  file(path: string, content: string | Uint8Array, mode?: number): Promise<void>;
  directory(path: string): Promise<void>;
  /** A symbolic link whose target is stored as given. */
  link(path: string, target: string): Promise<void>;
}

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
