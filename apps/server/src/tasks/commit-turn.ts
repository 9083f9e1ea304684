import type { AgentExecution, Task as TaskRow } from '@shadow/db';
import { ShadowError } from '@shadow/protocol';
import type { ToolExecutor } from '../execution/interfaces/tool-executor.ts';
import type { PostgresEventLog } from './event-log.ts';
import { commitSubject } from './task-names.ts';

/** Who the commits of an agent are by. */
const AUTHOR = { name: 'Shadow', email: 'agent@shadow.invalid' } as const;

/**
 * Commits what a turn changed and stores the task's new head and size of change.
 * @throws ShadowError of the git operation that failed; the changes stay in the working copy then
 */
export async function commitTurn(
  services: { events: PostgresEventLog },
  task: TaskRow,
  execution: AgentExecution,
  executor: ToolExecutor,
): Promise<void> {
  const subject = commitSubject(execution.prompt ?? task.title);
  const committed = await executor.gitCommit({
    message: `${subject}\n\nShadow-Task: ${task.id}\n`,
    author: AUTHOR,
  });
  if (!committed.success && committed.error.code !== 'NOTHING_TO_COMMIT')
    throw ShadowError.from(committed.error);
  const log = await executor.gitLog({ limit: 1 });
  if (!log.success) throw ShadowError.from(log.error);
  const head = log.commits[0]?.commit ?? null;
  // An agent may have committed by itself: the head tells, not whether we committed.
  if (head === null || head === task.headCommit || (head === task.baseCommit && task.headCommit === null))
    return;
  const diff = await executor.gitDiff({ base: task.baseCommit ?? 'HEAD', contextLines: 0, maxPatchBytes: 0 });
  if (!diff.success) throw ShadowError.from(diff.error);
  const { additions, deletions } = diff;
  await services.events.transact({ taskId: task.id, userId: task.userId }, async (transaction) => {
    await transaction.task.update({
      where: { id: task.id },
      data: { headCommit: head, additions, deletions },
    });
    await transaction.agentExecution.update({ where: { id: execution.id }, data: { headCommit: head } });
    const shown = log.commits[0]?.subject ?? subject;
    const event = { type: 'commit', commit: head, subject: shown, additions, deletions } as const;
    return { value: undefined, events: [{ ...event, filesChanged: diff.files.length }] };
  });
}
