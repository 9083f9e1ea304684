import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInProcessHost, createProcessOperations, createWorkspaceEngine } from '@shadow/workspace';
import type { ToolExecutor } from '../../../src/execution/interfaces/tool-executor.ts';

/** The real engine over a directory, its processes in this process. */
export async function openEngineExecutor(
  root: string,
): Promise<{ executor: ToolExecutor; close(): Promise<void> }> {
  const stateDir = await mkdtemp(join(tmpdir(), 'shadow-agent-state-'));
  const environment = { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: root, LANG: 'C.UTF-8' };
  const context = { root, stateDir, environment };
  const host = await createInProcessHost();
  const engine = createWorkspaceEngine(context, { processes: createProcessOperations(context, host) });
  const executor: ToolExecutor = Object.assign(engine, {
    capabilities: {
      pty: false,
      suspend: false,
      taskResources: false,
      codebaseSearch: engine.capabilities.codebaseSearch,
      limits: 'none' as const,
      diskLimits: false,
      isolation: 'none' as const,
      raceSafePaths: engine.capabilities.raceSafePaths,
    },
  });
  return {
    executor,
    async close() {
      await engine.close();
      await host.shutdown();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}
