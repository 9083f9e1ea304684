import type { TaskStatus } from '@shadow/db';
import type { KnownTask } from './known-task.ts';

/** When a workspace that nobody uses is put away. Nothing of it is ever lost: archiving keeps the work first. */
export interface CleanUpPolicy {
  /** Milliseconds without a turn after which a workspace is suspended, where that is supported. */
  readonly idleMs: number;
  /** Milliseconds without a turn after which a finished task is archived; null for never. */
  readonly maxAgeMs: number | null;
  /** Workspaces that may exist; beyond it those unused longest are archived. Null for any number. */
  readonly quota: number | null;
  /** Statuses of the tasks that age and quota may archive. */
  readonly states: readonly TaskStatus[];
}

type Candidate = Pick<KnownTask, 'status' | 'maintenance' | 'workspace' | 'executions' | 'createdAt'>;

/** When somebody last used a task's workspace, in milliseconds since 1970. */
export function lastUse({
  executions: [last],
  createdAt,
}: Pick<Candidate, 'executions' | 'createdAt'>): number {
  return (last?.finishedAt ?? last?.queuedAt ?? createdAt).getTime();
}

/**
 * Tasks to archive now, those unused longest first.
 * @param tasks those that have a workspace
 * @param count of workspaces that there are
 */
export function chooseForArchive<T extends Candidate>(
  tasks: readonly T[],
  count: number,
  { maxAgeMs, quota, states }: CleanUpPolicy,
  now: number,
): { task: T; why: string }[] {
  const eligible = tasks
    .filter(({ status, maintenance }) => maintenance === null && states.includes(status))
    .toSorted((a, b) => lastUse(a) - lastUse(b));
  const excess = quota === null ? 0 : Math.max(0, count - quota);
  return eligible.flatMap((task, index) => {
    if (maxAgeMs !== null && now - lastUse(task) > maxAgeMs) {
      return [
        { task, why: 'Archived by the clean-up: unused for longer than is allowed. The work is kept.' },
      ];
    }
    if (index >= excess) return [];
    return [
      { task, why: 'Archived by the clean-up: there are more workspaces than allowed. The work is kept.' },
    ];
  });
}

/** Tasks whose workspace nobody has used for long, and that wait for a person. */
export function chooseForSuspend<T extends Candidate>(
  tasks: readonly T[],
  { idleMs }: CleanUpPolicy,
  now: number,
): T[] {
  return tasks.filter(
    (task) =>
      task.maintenance === null &&
      task.workspace?.status === 'READY' &&
      SUSPENDABLE.has(task.status) &&
      now - lastUse(task) > idleMs,
  );
}

const SUSPENDABLE: ReadonlySet<TaskStatus> = new Set([
  'READY_FOR_REVIEW',
  'STOPPED',
  'FAILED',
  'INTERRUPTED',
  'AWAITING_APPROVAL',
]);
