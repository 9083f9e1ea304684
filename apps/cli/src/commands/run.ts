import { text } from 'node:stream/consumers';
import {
  type CreateTaskRequest,
  PermissionMode,
  ShadowError,
  type Task,
  type TaskEvent,
  TaskResources,
} from '@shadow/protocol';
import * as z from 'zod';
import { ApprovalPrompt } from '../approval-prompt.ts';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { followToRest, type RestState } from '../follow-to-rest.ts';
import { EventRenderer } from '../render/render-events.ts';
import { repositorySource } from '../repository-source.ts';
import { type ServerConnection, withServer } from '../server/with-server.ts';

const Options = z.object({
  repo: z.string(),
  model: z.string().optional(),
  baseBranch: z.string().optional(),
  mode: PermissionMode.optional(),
  budget: z.number().optional(),
  cpu: TaskResources.shape.cpu,
  memory: TaskResources.shape.memory,
  json: z.boolean().default(false),
});
type Options = z.infer<typeof Options>;

/** `shadow run`: creates a task, shows it live, and ends with what became of it as exit code. */
export async function runTask(context: CliContext, prompt: string, rawOptions: unknown): Promise<number> {
  const options = Options.parse(rawOptions);
  const { signal } = context.interrupt;
  const request = taskRequest(prompt === '-' ? await text(process.stdin) : prompt, options);
  if (signal.aborted) return EXIT.stopped;
  return withServer(context, { start: true }, async (connection) => {
    // Not cancelled by Ctrl+C: a task that was created nevertheless would go on unseen.
    const task = await connection.api.createTask({ body: request });
    const rest = await watch(context, connection, task, options);
    if (!options.json) await summarize(context, connection, task.id, rest);
    return exitCode(rest);
  });
}

async function watch(
  context: CliContext,
  connection: ServerConnection,
  task: Task,
  options: Options,
): Promise<RestState> {
  const { output, interrupt } = context;
  const approvals = new ApprovalPrompt(output, connection.api, { interactive: !options.json });
  const renderer = new EventRenderer(output);
  if (options.json) output.json({ type: 'task', task });
  else output.line(output.style('dim', `task ${task.id} · ${task.model} · ${task.permissionMode}`));
  const gaveUp = new AbortController();
  const onInterrupt = () => {
    output.note('Stopping the task… (Ctrl+C again leaves at once)');
    connection.api.stopTask({ params: { taskId: task.id } }).catch((error: unknown) => {
      output.error(`could not stop the task: ${error instanceof Error ? error.message : String(error)}`);
      gaveUp.abort();
    });
  };
  if (interrupt.signal.aborted) onInterrupt();
  interrupt.signal.addEventListener('abort', onInterrupt, { once: true });
  try {
    return await followToRest(connection, {
      taskId: task.id,
      restAfterSeq: 0,
      signal: gaveUp.signal,
      onEvent: (event: TaskEvent) => {
        if (options.json) output.json(event);
        else renderer.render(event);
        approvals.see(event);
      },
      onConnection: (state) =>
        output.note(
          state === 'lost' ? 'Lost the connection to the server; trying again…' : 'Connected again.',
        ),
    });
  } finally {
    interrupt.signal.removeEventListener('abort', onInterrupt);
    approvals.close();
  }
}

async function summarize(
  { output }: CliContext,
  { api }: ServerConnection,
  taskId: string,
  rest: RestState,
): Promise<void> {
  const task = await api.getTask({ params: { taskId } });
  const title = rest.status === 'ready-for-review' ? 'Ready for review' : `Ended: ${rest.status}`;
  // Without a base there is no workspace yet, and nothing to see.
  const counts = task.baseCommit === null ? '' : ` (+${task.additions} −${task.deletions})`;
  output.line(output.style('bold', `${title}${counts}`));
  if (task.branch !== null) output.line(`Branch: ${task.branch}`);
  if (task.baseCommit !== null) output.line(`Diff:   shadow diff ${task.id}`);
}

function taskRequest(prompt: string, options: Options): CreateTaskRequest {
  if (prompt.trim() === '')
    throw new ShadowError('VALIDATION_FAILED', 'The prompt is empty: say what you want done.');
  const { cpu, memory } = options;
  return {
    repository: repositorySource(options.repo, process.cwd()),
    prompt,
    ...(options.model === undefined ? {} : { model: options.model }),
    ...(options.baseBranch === undefined ? {} : { baseBranch: options.baseBranch }),
    ...(options.mode === undefined ? {} : { permissionMode: options.mode }),
    ...(options.budget === undefined ? {} : { budgetUsd: options.budget }),
    ...(cpu === undefined && memory === undefined ? {} : { resources: { cpu, memory } }),
  };
}

function exitCode({ status, lastTurn }: RestState): number {
  if (status === 'failed' || status === 'interrupted') return EXIT.failed;
  if (lastTurn === 'budget-exceeded') return EXIT.budgetExceeded;
  return status === 'stopped' ? EXIT.stopped : EXIT.done;
}
