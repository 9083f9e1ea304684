import type { TaskView } from '@shadow/client';
import type { Task } from '@shadow/protocol';
import { useMemo } from 'react';

/** The task's summary with what its events say on top, whichever of the two is newer. */
export function useEffectiveTask(task: Task | undefined, view: TaskView): Task | undefined {
  const { lastSeq, status, title, branch, usage, error } = view;
  return useMemo(() => {
    if (task === undefined || lastSeq <= task.lastSeq) return task;
    // Before the first cost event the view knows of no usage, while the summary may.
    const known = usage.costUsd !== null || usage.inputTokens > 0 ? usage : task.usage;
    return {
      ...task,
      status,
      title: title ?? task.title,
      branch: branch ?? task.branch,
      usage: known,
      error,
    };
  }, [task, lastSeq, status, title, branch, usage, error]);
}
