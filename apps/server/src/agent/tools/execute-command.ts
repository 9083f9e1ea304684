import type { CommandResult } from '@shadow/protocol';
import * as z from 'zod';
import { boundOutput, duration } from './text.ts';
import { defineTool, failedRun, type ToolRun } from './tool.ts';

/** Bytes of stdout and of stderr that the model reads, each. */
const RESULT_BYTES = 24_576;

/** Runs a shell command in the workspace. */
export const executeCommand = defineTool({
  name: 'executeCommand',
  kind: 'execute',
  description: `Run a shell command (bash) in the workspace: tests, builds, package managers, git, a program you wrote.

- Each call is a shell of its own: cd and variables do not carry over. Use cwd instead of "cd".
- There is no terminal and nobody to answer a prompt: pass flags such as --yes, and never start an editor or a pager.
- Do not use it to read, search or edit files; readFile, grepSearch, searchFiles and searchReplace do that better.
- Output is returned when the command ends; of very long output the head and the tail. A non-zero exit code is told, not an error of the tool: read the output and react to it.
- It is ended after timeoutSeconds (default 300). For a server, a watcher or anything that does not end by itself set isBackground to true: you get a process id at once and read its output with readOutput.`,
  inputSchema: z.object({
    command: z.string().min(1).max(65_536).describe('The shell line to run'),
    cwd: z.string().min(1).optional().describe('Directory to run it in, relative to the workspace root'),
    timeoutSeconds: z.number().positive().max(3600).optional().describe('Seconds until it is ended'),
    isBackground: z
      .boolean()
      .optional()
      .describe('Return at once and let it run on; for servers and watchers; default false'),
  }),
  target: (input) => input.command,
  async run(input, context) {
    const background = input.isBackground === true;
    let announced: Promise<void> | undefined;
    const result = await context.executor.executeCommand(
      {
        processId: context.processId,
        command: input.command,
        ...(input.cwd === undefined ? {} : { cwd: input.cwd }),
        ...timeout(input.timeoutSeconds, background, context.commandTimeoutMs),
        isBackground: background,
        maxResultBytes: RESULT_BYTES,
      },
      {
        signal: context.signal,
        idempotencyKey: context.toolCallId,
        onStarted: ({ processId }) => {
          announced = context.emit({ type: 'tool-process', toolCallId: context.toolCallId, processId });
          // The failure is met where it is awaited; unheard in between it would end the server.
          announced.catch(() => undefined);
        },
      },
    );
    await announced;
    if (!result.success) return failedRun(result.error);
    return background ? describeStart(result) : describeEnd(result);
  },
});

function timeout(
  seconds: number | undefined,
  background: boolean,
  defaultMs: number,
): { timeoutMs?: number } {
  if (seconds !== undefined) return { timeoutMs: Math.max(1, Math.round(seconds * 1000)) };
  return background ? {} : { timeoutMs: defaultMs };
}

function describeStart({ process }: CommandResult): ToolRun {
  return {
    output: `Started in the background as process ${process.processId}. Read its output with readOutput.`,
    summary: 'in the background',
    isError: false,
    processId: process.processId,
  };
}

function describeEnd(result: CommandResult): ToolRun {
  const { process, durationMs } = result;
  const how = howItEnded(result);
  const sections = [how.sentence];
  if (result.stdout !== '') sections.push(`stdout:\n${result.stdout.trimEnd()}`);
  if (result.stderr !== '') sections.push(`stderr:\n${result.stderr.trimEnd()}`);
  if (result.stdout === '' && result.stderr === '') sections.push('(no output)');
  return {
    output: boundOutput(sections.join('\n\n')),
    summary: `${duration(durationMs)} · ${how.short}`,
    isError: process.state !== 'exited' && process.state !== 'running',
    processId: process.processId,
    cancelled: process.state === 'cancelled',
    ...(process.exitCode === null ? {} : { exitCode: process.exitCode }),
  };
}

function howItEnded({ process, durationMs }: CommandResult): { sentence: string; short: string } {
  switch (process.state) {
    case 'exited':
      return { sentence: `Exit code ${process.exitCode ?? 0}.`, short: `exit ${process.exitCode ?? 0}` };
    case 'signaled':
      return {
        sentence: `Ended by signal ${process.signal ?? 'unknown'}.`,
        short: process.signal ?? 'signal',
      };
    case 'timed-out':
      return {
        sentence: `Ended because it ran longer than allowed (${duration(durationMs)}). What it wrote until then follows.`,
        short: 'timed out',
      };
    case 'cancelled':
      return { sentence: 'Stopped before it ended. What it wrote until then follows.', short: 'cancelled' };
    case 'lost':
      return { sentence: 'The process was lost; how it ended is not known.', short: 'lost' };
    case 'failed':
      return { sentence: 'The command could not be started.', short: 'failed' };
    case 'running':
      return { sentence: 'Still running.', short: 'running' };
  }
}
