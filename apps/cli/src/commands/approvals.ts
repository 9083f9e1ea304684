import { ShadowError } from '@shadow/protocol';
import * as z from 'zod';
import type { CliContext } from '../context.ts';
import { oneLine } from '../render/output.ts';
import { withServer } from '../server/with-server.ts';
import { findTask } from '../task-id.ts';

const Options = z.object({ note: z.string().optional(), forTask: z.boolean().default(false) });

/** `shadow approve` and `shadow deny`: answers the oldest open question of a task. */
export async function answerApproval(
  context: CliContext,
  id: string,
  decision: 'allow' | 'deny',
  rawOptions: unknown,
): Promise<void> {
  const { note, forTask } = Options.parse(rawOptions);
  await withServer(context, { start: false }, async ({ api }) => {
    const { id: taskId } = await findTask(api, id);
    const { approvals } = await api.listApprovals({ params: { taskId } });
    const [approval, ...more] = approvals
      .filter(({ status }) => status === 'pending')
      .sort((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt));
    if (approval === undefined) throw new ShadowError('APPROVAL_NOT_FOUND', 'This task asks for nothing.');
    const body = {
      decision,
      scope: forTask ? 'task' : 'once',
      ...(note === undefined ? {} : { note }),
    } as const;
    await api.answerApproval({ params: { taskId, approvalId: approval.id }, body });
    const word = decision === 'allow' ? 'Allowed' : 'Denied';
    context.output.line(`${word} ${approval.tool}: ${oneLine(approval.reason)}`);
    if (more.length > 0) context.output.note(`${more.length} more to answer.`);
  });
}
