import type { V1ContainerStateTerminated, V1Pod } from '@kubernetes/client-node';
import type { Cluster } from '../kubernetes/cluster.ts';
import { knownWorkspace } from './find-workspace.ts';
import { adviceOf } from './start-advice.ts';

/** Milliseconds that the kubelet has to tell of a container's end; it looks once a second and may be busy. */
const TOLD_WITHIN_MS = 10_000;
/** Milliseconds by which a node's clock may be behind this machine's; the kubelet tells whole seconds besides. */
const CLOCK_MS = 5000;

/**
 * Says how the container of a task's pod ended, which took all commands along.
 *
 * @param since when it certainly still ran
 * @returns the kubelet's words and what to do; undefined when it tells of no end since then
 */
export async function containerEnd(
  cluster: Cluster,
  taskId: string,
  since: Date,
): Promise<string | undefined> {
  const workspace = await knownWorkspace(cluster, taskId);
  if (workspace === undefined) return undefined;
  const after = since.getTime() - CLOCK_MS;
  const signal = AbortSignal.timeout(TOLD_WITHIN_MS);
  const judge = (pod: V1Pod | undefined) => endAfter(pod, after);
  const end = await cluster.pods.waitFor(workspace.name, judge, { signal }).catch(() => undefined);
  if (end === undefined) return undefined;
  const reason = end.reason === undefined || end.reason === 'Error' ? '' : ` (${end.reason})`;
  const advice = end.reason === 'OOMKilled' ? ` ${adviceOf('out-of-memory', '')}` : '';
  return `The container of its pod ended with exit code ${end.exitCode}${reason} and was started again; the files are kept.${advice}`;
}

function endAfter(pod: V1Pod | undefined, after: number): V1ContainerStateTerminated | undefined {
  const [container] = pod?.status?.containerStatuses ?? [];
  const ended = container?.state?.terminated ?? container?.lastState?.terminated;
  return (ended?.finishedAt?.getTime() ?? 0) >= after ? ended : undefined;
}
