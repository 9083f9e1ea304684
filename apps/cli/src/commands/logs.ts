import type { TaskEvent } from '@shadow/protocol';
import * as z from 'zod';
import type { CliContext } from '../context.ts';
import { followToRest, isAtRest } from '../follow-to-rest.ts';
import { EventRenderer } from '../render/render-events.ts';
import { type ServerConnection, withServer } from '../server/with-server.ts';
import { findTask } from '../task-id.ts';

const Options = z.object({ follow: z.boolean().default(false), json: z.boolean().default(false) });

/** `shadow logs`: all that happened in a task, and with `--follow` all that happens until it comes to rest. */
export async function printLogs(context: CliContext, id: string, rawOptions: unknown): Promise<void> {
  const options = Options.parse(rawOptions);
  const { output, interrupt } = context;
  const renderer = new EventRenderer(output);
  const onEvent = (event: TaskEvent) => (options.json ? output.json(event) : renderer.render(event));
  await withServer(context, { start: true }, async (connection) => {
    const task = await findTask(connection.api, id);
    if (!options.follow || isAtRest(task.status)) {
      await readAll(connection, task.id, onEvent, interrupt.signal);
    } else {
      const { signal } = interrupt;
      await followToRest(connection, { taskId: task.id, onEvent, restAfterSeq: task.lastSeq + 1, signal });
    }
    if (!options.json) output.line('');
  });
}

async function readAll(
  { api }: ServerConnection,
  taskId: string,
  onEvent: (event: TaskEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  let afterSeq = 0;
  for (;;) {
    const page = await api.listEvents({ params: { taskId }, query: { afterSeq }, signal });
    page.events.forEach(onEvent);
    if (!page.hasMore || page.lastSeq === null) return;
    afterSeq = page.lastSeq;
  }
}
