import { failure, type Result } from '@shadow/protocol';
import type { Logger } from 'pino';
import type { ToolExecutor } from './interfaces/tool-executor.ts';
import type { AgentMode, WorkspaceHandle } from './interfaces/types.ts';
import { createLocalToolExecutor, type LocalToolOptions } from './local/local-tool-executor.ts';
import { MockToolExecutor } from './mock/mock-tool-executor.ts';
import { createRemoteToolExecutor } from './remote/create-remote-tool-executor.ts';
import type { SidecarClientOptions } from './remote/sidecar-client.ts';

export interface ToolExecutorOptions {
  log: Logger;
  local?: LocalToolOptions;
  remote?: Omit<SidecarClientOptions, 'baseUrl' | 'token' | 'log'>;
  mock?: {
    /** Milliseconds before each call; default 0. */
    latencyMs?: number;
  };
}

type MakeExecutor = (
  workspace: WorkspaceHandle,
  options: ToolExecutorOptions,
) => Promise<Result<{ executor: ToolExecutor }>>;

const makers = {
  async local(workspace, { local }) {
    return 'path' in workspace
      ? await createLocalToolExecutor(workspace.path, local)
      : mismatch('local', 'a path');
  },
  async remote(workspace, { remote, log }) {
    if (!('sidecarUrl' in workspace)) return mismatch('remote', 'the address of a sidecar and its token');
    const { sidecarUrl: baseUrl, token } = workspace;
    return await createRemoteToolExecutor({ ...remote, baseUrl, token, log });
  },
  async mock(workspace, { mock }) {
    // A simulated workspace begins empty, whatever it is called.
    if (!('mock' in workspace || 'path' in workspace)) return mismatch('mock', 'a name');
    const executor = new MockToolExecutor();
    executor.setLatency(mock?.latencyMs ?? 0);
    return { success: true, executor };
  },
} satisfies Record<AgentMode, MakeExecutor>;

/**
 * The tools of one task. A mode never stands in for another one: what cannot be opened as asked is a failure.
 *
 * Fails with VALIDATION_FAILED when the workspace is not of the mode's kind, WORKSPACE_LOST when a directory is not
 * there, UNAVAILABLE and TOKEN_INVALID as the sidecar says.
 *
 * @param taskId the task, for the log
 * @param workspace where it works; a plain string is a path
 */
export async function createToolExecutor(
  taskId: string,
  workspace: WorkspaceHandle | string,
  mode: AgentMode,
  options: ToolExecutorOptions,
): Promise<Result<{ executor: ToolExecutor }>> {
  const handle = typeof workspace === 'string' ? { path: workspace } : workspace;
  const log = options.log.child({ taskId, mode });
  const made = await makers[mode](handle, { ...options, log });
  if (!made.success) log.warn({ code: made.error.code }, 'the tools of the task could not be opened');
  return made;
}

function mismatch(mode: AgentMode, wanted: string): ReturnType<typeof failure> {
  return failure('VALIDATION_FAILED', `A workspace in ${mode} mode is named by ${wanted}.`, { mode });
}
