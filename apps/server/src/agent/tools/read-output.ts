import type { OperationError, OutputFrame, ProcessInfo, ProcessOperations } from '@shadow/protocol';
import * as z from 'zod';
import { boundOutput } from './text.ts';
import { defineTool, failedRun, type ToolRun } from './tool.ts';

const MAX_BYTES = 32_768;
const DEFAULT_WAIT_SECONDS = 0;

/** Reads what a background process has written. */
export const readOutput = defineTool({
  name: 'readOutput',
  kind: 'read',
  description: `Read the output of a process that was started with isBackground, and whether it still runs.

- Returns up to ${MAX_BYTES} bytes from fromOffset and the offset to go on from next time. Without fromOffset you get the newest output.
- waitSeconds waits for new output or the process's end instead of asking again and again.`,
  inputSchema: z.object({
    processId: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'is the id that executeCommand returned'),
    fromOffset: z.int().min(0).optional().describe('Byte offset to read from, as the last call returned it'),
    waitSeconds: z
      .number()
      .min(0)
      .max(60)
      .optional()
      .describe('Wait so long for the first new output; default 0'),
  }),
  target: (input) => input.processId,
  async run(input, { executor, signal }) {
    const found = await executor.getProcess({ processId: input.processId }, { signal });
    if (!found.success) return failedRun(found.error);
    const from = input.fromOffset ?? Math.max(found.process.outputStart, found.process.outputEnd - MAX_BYTES);
    const wait = input.waitSeconds ?? DEFAULT_WAIT_SECONDS;
    const follow = wait > 0 && found.process.state === 'running' && from >= found.process.outputEnd;
    const patience = follow ? AbortSignal.any([signal, AbortSignal.timeout(wait * 1000)]) : signal;
    const read = await collect(
      executor.readOutput(
        { processId: input.processId, fromOffset: from, maxBytes: MAX_BYTES, follow },
        { signal: patience },
      ),
      from,
      follow,
    );
    if (signal.aborted)
      return failedRun({ code: 'CANCELLED', message: 'The read was cancelled.', retryable: false });
    // A wait that ran out ends the stream too; it is no failure.
    if (read.error !== undefined && !patience.aborted) return failedRun(read.error);
    const after = read.process ?? (await currentProcess(executor, input.processId, signal)) ?? found.process;
    return describe(read, after);
  },
});

interface Collected {
  text: string;
  nextOffset: number;
  process?: ProcessInfo;
  error?: OperationError;
}

async function collect(
  frames: AsyncIterable<OutputFrame>,
  from: number,
  stopAtFirst: boolean,
): Promise<Collected> {
  const decoder = new TextDecoder();
  const collected: Collected = { text: '', nextOffset: from };
  for await (const frame of frames) {
    if (frame.type === 'data') {
      collected.text += decoder.decode(frame.data, { stream: true });
      collected.nextOffset = frame.offset + frame.data.byteLength;
      if (stopAtFirst) break;
    } else if (frame.type === 'gap') {
      collected.text += `[… bytes ${frame.fromOffset} to ${frame.toOffset} are no longer kept …]\n`;
      collected.nextOffset = frame.toOffset;
    } else if (frame.type === 'end') collected.process = frame.process;
    else collected.error = frame.error;
  }
  collected.text += decoder.decode();
  return collected;
}

async function currentProcess(
  executor: Pick<ProcessOperations, 'getProcess'>,
  processId: string,
  signal: AbortSignal,
): Promise<ProcessInfo | undefined> {
  const result = await executor.getProcess({ processId }, { signal });
  return result.success ? result.process : undefined;
}

function describe(read: Collected, process: ProcessInfo): ToolRun {
  const state = process.state === 'exited' ? `exited with code ${process.exitCode ?? 0}` : process.state;
  const body = read.text === '' ? '(no new output)' : boundOutput(read.text.trimEnd());
  return {
    output: `Process ${process.processId} ${process.state === 'running' ? 'is running' : state}. Next offset: ${read.nextOffset}.\n\n${body}`,
    summary: state,
    isError: false,
    processId: process.processId,
    ...(process.exitCode === null ? {} : { exitCode: process.exitCode }),
  };
}
