import { randomUUID } from 'node:crypto';
import type { Task as TaskRow } from '@shadow/db';
import type { TaskEventBody } from '@shadow/protocol';
import type { BranchStart } from '../execution/interfaces/workspace-manager.ts';
import type { PostgresEventLog } from './event-log.ts';
import { appendMessage } from './journal.ts';

/** What the model is told before the message that brings a lost workspace back: it would trust in files that it wrote. */
const LOST_TO_THE_MODEL =
  'The workspace of this task was lost, and a new one was made: from the branch of the task if it was pushed, from its base branch otherwise. Uncommitted changes and commits that were not pushed are gone, and so are running processes and what was installed. Look at the present state before you rely on anything that you did earlier.';

/**
 * Makes a task whose workspace is lost go through all its steps again, and tells person and model of it, at once or not at all.
 * @param reason why it is lost, as a sentence
 */
export function beginAgain(events: PostgresEventLog, task: TaskRow, reason: string): Promise<void> {
  const { id: taskId, userId } = task;
  return events.transact({ taskId, userId }, async (transaction) => {
    await transaction.initStep.updateMany({
      where: { taskId, name: { not: 'CLEANUP_POD' } },
      data: { status: 'PENDING', startedAt: null, finishedAt: null },
    });
    await transaction.workspace.updateMany({ where: { taskId }, data: { status: 'LOST' } });
    await transaction.task.update({ where: { id: taskId }, data: { status: 'INITIALIZING' } });
    const parts = [{ type: 'text' as const, text: LOST_TO_THE_MODEL }];
    const scope = { taskId, userId, executionId: null };
    await appendMessage(transaction, scope, { id: randomUUID(), role: 'user', parts });
    return {
      value: undefined,
      events: [
        { type: 'status', status: 'initializing', error: null },
        warning(`The workspace of this task is made again, for it was lost. ${reason}`),
      ],
    };
  });
}

/** What a person is told once a lost workspace is back. */
export function startedAgain(task: TaskRow, { from, commit }: BranchStart): TaskEventBody {
  const short = commit.slice(0, 7);
  return from === 'pushed'
    ? warning(
        `The new workspace goes on from ${task.branch} as it was pushed (${short}). What was not pushed is gone.`,
      )
    : warning(
        `The new workspace starts from ${task.baseBranch} again (${short}): the branch of this task was not pushed, so what was done in the lost one is gone.`,
      );
}

function warning(message: string): TaskEventBody {
  return { type: 'notice', level: 'warning', message, code: 'WORKSPACE_LOST' };
}
