import type { Task, TaskStatus } from '@shadow/protocol';

/** Groups of the task list, in their order. */
export const TASK_GROUPS = ['needs-you', 'running', 'queued', 'ready', 'done'] as const;
export type TaskGroup = (typeof TASK_GROUPS)[number];

export const GROUP_TITLE: Record<TaskGroup, string> = {
  'needs-you': 'Needs you',
  running: 'Running',
  queued: 'Queued',
  ready: 'Ready for review',
  done: 'Done',
};

interface StatusText {
  group: TaskGroup;
  /** The pill at the task's title. */
  label: string;
  /** The sentence of the task's row when nothing livelier is known. */
  sentence: string;
}

/** How each status is told to people. */
export const STATUS_TEXT: Record<TaskStatus, StatusText> = {
  queued: { group: 'queued', label: 'Queued', sentence: 'Waiting for a free slot' },
  initializing: { group: 'running', label: 'Starting', sentence: 'Preparing the workspace' },
  running: { group: 'running', label: 'Running', sentence: 'Working' },
  'awaiting-approval': { group: 'needs-you', label: 'Needs you', sentence: 'Asks for your approval' },
  'ready-for-review': { group: 'ready', label: 'Ready for review', sentence: 'Ready for review' },
  stopped: { group: 'done', label: 'Stopped', sentence: 'Stopped' },
  failed: { group: 'needs-you', label: 'Failed', sentence: 'Failed' },
  interrupted: { group: 'needs-you', label: 'Interrupted', sentence: 'Interrupted; can go on' },
  archived: { group: 'done', label: 'Archived', sentence: 'Archived' },
};

/** Whether a task has work under way that can be stopped. */
export function isActive(status: TaskStatus): boolean {
  return (
    status === 'queued' || status === 'initializing' || status === 'running' || status === 'awaiting-approval'
  );
}

/** Tasks by group, each group newest first. */
export function groupTasks(tasks: readonly Task[]): Record<TaskGroup, Task[]> {
  const groups: Record<TaskGroup, Task[]> = { 'needs-you': [], running: [], queued: [], ready: [], done: [] };
  for (const task of tasks) groups[STATUS_TEXT[task.status].group].push(task);
  // The queue is served oldest first: its first row is the next to run.
  groups.queued.reverse();
  return groups;
}
