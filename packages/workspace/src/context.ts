import type { ResourceLimits } from '@shadow/protocol';

/** The unprivileged identity that a root-run server uses for everything a workspace controls. */
export interface RunAs {
  uid: number;
  gid: number;
}

/** What a command inside bubblewrap has besides the writable workspace and the read-only system. */
export interface Isolation {
  readonly network: boolean;
  /** Further directories that it may read, absolute (tools that lie in a home). */
  readonly readable?: string[];
  /** Further directories that it may change, absolute (a home of its own). */
  readonly writable?: string[];
  /** Directories that it must not see although they lie in the system's, absolute. */
  readonly hidden?: string[];
}

/** Everything the engine needs to know about one directory tree. */
export interface WorkspaceContext {
  /** Real, absolute path of the tree. */
  readonly root: string;
  /** Absolute directory outside the tree for spill files, process records and the code index. */
  readonly stateDir: string;
  /** Identity of commands, git and new files; absent when the server itself is unprivileged. */
  readonly runAs?: RunAs;
  /** Environment of commands (PATH, HOME, LANG …), built from an allow-list; holds none of the server's secrets. */
  readonly environment: Readonly<Record<string, string>>;
  readonly limits?: ResourceLimits;
  /** Commands and git run inside bubblewrap; absent for none. */
  readonly isolation?: Isolation;
  /** Whether `gitClone` and `gitPush` take repositories on this machine's own disk; default no. */
  readonly cloneFromDisk?: boolean;
}
