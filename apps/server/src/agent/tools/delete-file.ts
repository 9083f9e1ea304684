import * as z from 'zod';
import { defineTool, failedRun } from './tool.ts';

/** Deletes a file or a directory. */
export const deleteFile = defineTool({
  name: 'deleteFile',
  kind: 'write',
  description: `Delete a file, or a directory with everything in it when recursive is true.

- A directory that is not empty is refused without recursive.
- Delete only what the task asks for or what you made yourself. Files that git does not track cannot be brought back.`,
  inputSchema: z.object({
    path: z.string().min(1).describe('Path of the file or directory, relative to the workspace root'),
    recursive: z.boolean().optional().describe('Delete a directory with all that is in it; default false'),
  }),
  target: (input) => input.path,
  async run(input, { executor, signal, toolCallId }) {
    const result = await executor.deleteFile(input, { signal, idempotencyKey: toolCallId });
    if (!result.success) return failedRun(result.error);
    return { output: `Deleted ${result.path}.`, summary: 'deleted', isError: false };
  },
});
