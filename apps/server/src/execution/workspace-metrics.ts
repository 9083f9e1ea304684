import type { ProcessOperations, Result } from '@shadow/protocol';
import type { WorkspaceMetrics } from './interfaces/workspace-manager.ts';

/**
 * What the commands of a workspace use, summed up over an executor's processes.
 *
 * @param executor any mode's; processes that do not say what they use count as nothing
 */
export async function workspaceMetrics(
  executor: Pick<ProcessOperations, 'listProcesses'>,
): Promise<Result<WorkspaceMetrics>> {
  const listed = await executor.listProcesses();
  if (!listed.success) return listed;
  const usages = listed.processes.flatMap(({ usage }) => usage ?? []);
  const sum = (of: (usage: (typeof usages)[number]) => number) =>
    usages.reduce((total, usage) => total + of(usage), 0);
  return {
    success: true,
    processes: sum(({ processCount }) => processCount),
    cpuMs: sum(({ cpuMs }) => cpuMs),
    memoryBytes: sum(({ memoryBytes }) => memoryBytes),
  };
}
