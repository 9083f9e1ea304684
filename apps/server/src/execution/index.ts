import type { AgentMode } from './interfaces/types.ts';
import type { WorkspaceManager } from './interfaces/workspace-manager.ts';
import { LocalWorkspaceManager, type LocalWorkspaceOptions } from './local/local-workspace-manager.ts';
import { MockWorkspaceManager, type MockWorkspaceOptions } from './mock/mock-workspace-manager.ts';
import {
  RemoteWorkspaceManager,
  type RemoteWorkspaceOptions,
} from './remote/workspaces/remote-workspace-manager.ts';

export { createToolExecutor, type ToolExecutorOptions } from './create-tool-executor.ts';

/** What each mode is made from; only the one that is chosen is asked. */
export interface ExecutionOptions {
  local(): Promise<LocalWorkspaceOptions>;
  remote(): Promise<RemoteWorkspaceOptions>;
  mock(): Promise<MockWorkspaceOptions>;
}

const makers = {
  local: async (options) => new LocalWorkspaceManager(await options.local()),
  remote: async (options) => new RemoteWorkspaceManager(await options.remote()),
  mock: async (options) => new MockWorkspaceManager(await options.mock()),
} satisfies Record<AgentMode, (options: ExecutionOptions) => Promise<WorkspaceManager>>;

/** The one place that knows which mode is which. @throws ShadowError as the mode's parts do */
export function createWorkspaceManager(
  mode: AgentMode,
  options: ExecutionOptions,
): Promise<WorkspaceManager> {
  return makers[mode](options);
}
