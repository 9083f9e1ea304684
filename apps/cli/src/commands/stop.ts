import type { CliContext } from '../context.ts';
import { withServer } from '../server/with-server.ts';
import { findTask } from '../task-id.ts';

/** `shadow stop`: stops the running turn and the queued ones; what was done is kept. */
export async function stopTask(context: CliContext, id: string): Promise<void> {
  await withServer(context, { start: false }, async ({ api }) => {
    const { id: taskId } = await findTask(api, id);
    const task = await api.stopTask({ params: { taskId } });
    context.output.line(`${task.id} ${task.status}`);
  });
}
