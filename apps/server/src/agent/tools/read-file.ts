import type { ReadFileResult } from '@shadow/protocol';
import * as z from 'zod';
import { count, numberLines } from './text.ts';
import { defineTool, failedRun } from './tool.ts';

/** Lines returned when the model names no end: enough for nearly every source file. */
const DEFAULT_LINES = 2000;
const MAX_BYTES = 65_536;

/** Reads a text file or a range of its lines, numbered. */
export const readFile = defineTool({
  name: 'readFile',
  kind: 'read',
  description: `Read a text file of the workspace, with line numbers.

- Read a file before you change it: searchReplace needs its exact text.
- Without a range you get up to ${DEFAULT_LINES} lines from the start. For a long file, find the place with grepSearch first and then read the lines around it.
- Each line comes as its number, a tab, and its text. The number and the tab are not part of the file.
- A marker at the end says when there is more and how to get it.
- Binary files are refused; use executeCommand with a suitable program for them.`,
  inputSchema: z.object({
    path: z.string().min(1).describe('Path of the file, relative to the workspace root'),
    startLine: z.int().min(1).optional().describe('First line to read, from 1; default 1'),
    endLine: z.int().min(1).optional().describe('Last line to read, inclusive'),
  }),
  target: (input) => input.path + range(input.startLine, input.endLine),
  async run(input, { executor, signal }) {
    const startLine = input.startLine ?? 1;
    const endLine = input.endLine ?? startLine + DEFAULT_LINES - 1;
    const result = await executor.readFile(
      { path: input.path, startLine, endLine, maxBytes: MAX_BYTES },
      { signal },
    );
    if (!result.success) return failedRun(result.error);
    return { output: render(result, endLine), summary: summarize(result), isError: false };
  },
});

function range(startLine: number | undefined, endLine: number | undefined): string {
  if (startLine === undefined && endLine === undefined) return '';
  return `:${startLine ?? 1}-${endLine ?? ''}`;
}

function render(result: ReadFileResult, wantedEnd: number): string {
  if (result.size === 0) return '(the file is empty)';
  if (result.content === '') return `(no such lines: the file has ${count(result.totalLines, 'line')})`;
  const body = numberLines(result.content, result.startLine);
  if (result.endLine >= result.totalLines && !result.truncated) return body;
  if (result.endLine >= result.totalLines) {
    return `${body}\n[cut because of its size; the rest of line ${result.endLine} is left out]`;
  }
  const cutEarly = result.truncated && result.endLine < wantedEnd;
  const why = cutEarly ? 'cut because of its size; ' : '';
  return `${body}\n[${why}lines ${result.startLine}-${result.endLine} of ${result.totalLines}; go on with startLine ${result.endLine + 1}]`;
}

function summarize(result: ReadFileResult): string {
  const lines = result.content === '' ? 0 : result.endLine - result.startLine + 1;
  return lines < result.totalLines ? `${lines} of ${result.totalLines} lines` : count(lines, 'line');
}
