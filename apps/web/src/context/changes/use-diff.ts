import type { TaskView } from '@shadow/client';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { diffQuery, queryClient } from '../../server/queries.ts';

/** Milliseconds of quiet after a change before the diff is fetched anew. */
const QUIET_MS = 400;

/** The task's diff; fetched anew when files changed, while the present one stays in sight. */
export function useDiff(taskId: string, view: TaskView) {
  const ready = view.baseCommit !== null;
  const query = useQuery({ ...diffQuery(taskId), enabled: ready, placeholderData: keepPreviousData });
  const revision = `${view.filesRevision} ${view.headCommit}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new revision is the reason to fetch
  useEffect(() => {
    if (!ready) return;
    const timer = setTimeout(
      () => void queryClient.invalidateQueries({ queryKey: ['diff', taskId] }),
      QUIET_MS,
    );
    return () => clearTimeout(timer);
  }, [taskId, ready, revision]);
  return { ...query, ready };
}
