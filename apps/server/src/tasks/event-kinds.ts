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

const WITHIN_TURN: ReadonlySet<TaskEventBody['type']> = new Set([
  'message-delta',
  'message-finished',
  'tool-call',
  'tool-process',
  'tool-result',
  'todo',
  'fs-change',
]);

/** Whether an event is always followed by another one of its turn, at the latest by the one that tells of its end. */
export function isWithinTurn({ type }: TaskEventBody): boolean {
  return WITHIN_TURN.has(type);
}
