import { ShadowError } from '@shadow/protocol';
import type { AgentMode } from './interfaces/types.ts';
import type { WorkspaceManager } from './interfaces/workspace-manager.ts';
import { LocalWorkspaceManager, type LocalWorkspaceOptions } from './local/local-workspace-manager.ts';
import { MockWorkspaceManager, type MockWorkspaceOptions } from './mock/mock-workspace-manager.ts';

export { createToolExecutor, type ToolExecutorOptions } from './create-tool-executor.ts';

/** What each mode is made from. */
export interface ExecutionOptions {
  local: LocalWorkspaceOptions;
  mock: MockWorkspaceOptions;
}

const unavailable = (mode: AgentMode) => (): WorkspaceManager => {
  throw new ShadowError(
    'UNSUPPORTED',
    `AGENT_MODE=${mode} is not available in this version. Use AGENT_MODE=local.`,
  );
};

const makers = {
  local: (options) => new LocalWorkspaceManager(options.local),
  remote: unavailable('remote'),
  mock: (options) => new MockWorkspaceManager(options.mock),
} satisfies Record<AgentMode, (options: ExecutionOptions) => WorkspaceManager>;

/** The one place that knows which mode is which. @throws ShadowError UNSUPPORTED */
export function createWorkspaceManager(mode: AgentMode, options: ExecutionOptions): WorkspaceManager {
  return makers[mode](options);
}
