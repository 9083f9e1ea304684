import * as z from 'zod';
import { count, lineChange } from './text.ts';
import { defineTool, failedRun } from './tool.ts';

/** Replaces exact text in a file. */
export const searchReplace = defineTool({
  name: 'searchReplace',
  kind: 'write',
  description: `Replace exact text in an existing file. The best way to edit.

- Read the file first. oldText must match it exactly, indentation and blank lines included, and without the line numbers that readFile shows.
- oldText must occur exactly once. When it does not, take in more of the lines around it, or set replaceAll to change every occurrence (good for renaming).
- newText is literal: no patterns, no escapes. An empty newText removes oldText.
- One call changes one place; make several calls for several places.`,
  inputSchema: z.object({
    path: z.string().min(1).describe('Path of the file, relative to the workspace root'),
    oldText: z.string().min(1).describe('The exact text to replace, as it is in the file'),
    newText: z.string().describe('The text to put in its place'),
    replaceAll: z.boolean().optional().describe('Replace every occurrence; default false'),
  }),
  target: (input) => input.path,
  async run(input, { executor, signal, toolCallId }) {
    const result = await executor.searchReplace(input, { signal, idempotencyKey: toolCallId });
    if (!result.success) return failedRun(result.error);
    const { path, replacements, line, additions, deletions } = result;
    return {
      output: `Replaced ${count(replacements, 'occurrence')} in ${path}, the first at line ${line}.`,
      summary: lineChange(additions, deletions),
      isError: false,
      additions,
      deletions,
    };
  },
});
