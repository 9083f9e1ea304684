/** Where the agent's tools really run. */
export type AgentMode = 'local' | 'remote' | 'mock';

/** What a mode can do; callers ask here and never which mode it is. */
export interface Capabilities {
  pty: boolean;
  suspend: boolean;
  /** Whether a task can have bounds of its own for the whole of its workspace. */
  taskResources: boolean;
  codebaseSearch: boolean;
  /** What holds a command's resource limits. */
  limits: 'cgroup' | 'rlimit' | 'none' | 'pod';
  /** Whether a command's limit of disk I/O holds too. */
  diskLimits: boolean;
  isolation: 'bubblewrap' | 'none' | 'container' | 'simulated';
  /** Whether a symlink swapped in during a call is certain not to lead outside. */
  raceSafePaths: boolean;
}

/** How a workspace is found again: a directory, a sidecar that serves one, a pod, or a simulated one by its name. */
export type WorkspaceHandle =
  | { path: string }
  | { sidecarUrl: string; token: string }
  | { pod: string; namespace: string }
  | { mock: string };
