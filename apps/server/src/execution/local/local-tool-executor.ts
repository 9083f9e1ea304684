import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failure, type Result } from '@shadow/protocol';
import {
  createInProcessHost,
  createProcessOperations,
  createWorkspaceEngine,
  machineCapabilities,
  type RunAs,
} from '@shadow/workspace';
import type { ToolExecutor } from '../interfaces/tool-executor.ts';

/** What commands get when nothing is said: enough to find the system's programs, and nothing of this process's own. */
const PLAIN_ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
};

export interface LocalToolOptions {
  /** Absolute directory for output and indexes, outside of the tree; default a temporary one that goes with the executor. */
  stateDir?: string;
  /** Environment of commands. */
  environment?: Readonly<Record<string, string>>;
  /** Identity of commands and new files. */
  runAs?: RunAs;
}

/**
 * The tools of a directory, its processes in this process: they end when the executor is closed.
 *
 * Fails with WORKSPACE_LOST when the directory is not there.
 */
export async function createLocalToolExecutor(
  path: string,
  { stateDir, environment, runAs }: LocalToolOptions = {},
): Promise<Result<{ executor: ToolExecutor }>> {
  const root = await realpath(path).catch(() => undefined);
  if (root === undefined) return failure('WORKSPACE_LOST', `There is no directory ${path}.`, { path });
  const temporary = stateDir === undefined ? await mkdtemp(join(tmpdir(), 'shadow-state-')) : undefined;
  const host = await createInProcessHost();
  const context = {
    root,
    stateDir: stateDir ?? temporary ?? root,
    environment: environment ?? { ...PLAIN_ENVIRONMENT, HOME: root },
    ...(runAs === undefined ? {} : { runAs }),
  };
  const engine = createWorkspaceEngine(context, { processes: createProcessOperations(context, host) });
  const closeEngine = engine.close;
  const executor: ToolExecutor = Object.assign(engine, {
    capabilities: {
      ...machineCapabilities(host, undefined),
      suspend: false,
      taskResources: false,
    } as const,
    close: async () => {
      await closeEngine();
      await host.shutdown();
      if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
    },
  });
  return { success: true, executor };
}
