import type { Task } from '@shadow/protocol';
import * as z from 'zod';
import type { CliContext } from '../context.ts';
import { oneLine } from '../render/output.ts';
import { withServer } from '../server/with-server.ts';
import { allTasks, shortIds } from '../task-id.ts';

const Options = z.object({ all: z.boolean().default(false), json: z.boolean().default(false) });

/** `shadow tasks`: the user's tasks, newest first. */
export async function listTasks(context: CliContext, rawOptions: unknown): Promise<void> {
  const options = Options.parse(rawOptions);
  const { output } = context;
  await withServer(context, { start: true }, async ({ api }) => {
    const tasks: Task[] = [];
    for await (const task of allTasks(api, options.all)) {
      if (options.json) output.json(task);
      else tasks.push(task);
    }
    if (options.json) return;
    if (tasks.length === 0) output.line('No tasks yet. Give an agent one: shadow run --repo sample "…"');
    else for (const line of table(tasks)) output.line(line);
  });
}

function table(tasks: readonly Task[]): string[] {
  const ids = shortIds(tasks.map(({ id }) => id));
  const rows = tasks.map((task) => [
    ids.get(task.id) ?? task.id,
    task.status,
    `+${task.additions} −${task.deletions}`,
    task.usage.costUsd === null ? '' : `$${task.usage.costUsd.toFixed(4)}`,
    oneLine(task.title).slice(0, 80),
  ]);
  const widths = rows.reduce(
    (known, row) => row.map((cell, column) => Math.max(known[column] ?? 0, cell.length)),
    [] as number[],
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
