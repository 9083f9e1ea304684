import type { TaskEventBody } from '@shadow/protocol';

const LISTED: ReadonlySet<TaskEventBody['type']> = new Set([
  'status',
  'title',
  'workspace',
  'cost',
  'commit',
  'turn-finished',
]);

/** Whether an event changes what the task list shows. */
export function isListed({ type }: TaskEventBody): boolean {
  return LISTED.has(type);
}
