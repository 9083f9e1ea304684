import * as z from 'zod';
import { lineChange } from './text.ts';
import { defineTool, failedRun } from './tool.ts';

/** Creates or replaces a whole file. */
export const writeFile = defineTool({
  name: 'writeFile',
  kind: 'write',
  description: `Write a whole file: create it, or replace everything in it.

- To change a part of an existing file use searchReplace: it is safer and shorter.
- Read an existing file before you replace it; what you do not write is gone.
- Missing parent directories are made. The file's mode is kept.
- Write the complete content. Never write placeholders such as "rest of the file unchanged".`,
  inputSchema: z.object({
    path: z.string().min(1).describe('Path of the file, relative to the workspace root'),
    content: z.string().describe('The complete new content of the file'),
  }),
  target: (input) => input.path,
  async run(input, { executor, signal, toolCallId }) {
    const result = await executor.writeFile(input, { signal, idempotencyKey: toolCallId });
    if (!result.success) return failedRun(result.error);
    const { path, created, size, additions, deletions } = result;
    return {
      output: `${created ? 'Created' : 'Replaced'} ${path} (${size} bytes).`,
      summary: created ? `created · ${lineChange(additions, deletions)}` : lineChange(additions, deletions),
      isError: false,
      additions,
      deletions,
    };
  },
});
