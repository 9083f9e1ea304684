import type { DirectoryEntry } from '@shadow/protocol';
import * as z from 'zod';
import { boundOutput, count } from './text.ts';
import { defineTool, failedRun } from './tool.ts';

const LIMIT = 1000;

/** Lists a directory. */
export const listDirectory = defineTool({
  name: 'listDirectory',
  kind: 'read',
  description: `List a directory of the workspace: directories end with "/", files come with their size in bytes.

- Good for a first look at a project. To find a file by name use searchFiles, by content grepSearch.
- What .gitignore leaves out (such as node_modules) is left out here too unless includeIgnored is true.
- At most ${LIMIT} entries are shown; a marker says when there are more.`,
  inputSchema: z.object({
    path: z
      .string()
      .min(1)
      .optional()
      .describe('Directory, relative to the workspace root; default the root'),
    recursive: z.boolean().optional().describe('List what is below it as well; default false'),
    maxDepth: z
      .int()
      .min(1)
      .max(64)
      .optional()
      .describe('Depth of a recursive listing; 1 is the directory itself'),
    includeIgnored: z.boolean().optional().describe('Also what .gitignore leaves out; default false'),
  }),
  target: (input) => input.path ?? '.',
  async run(input, { executor, signal }) {
    const result = await executor.listDirectory({ ...input, limit: LIMIT }, { signal });
    if (!result.success) return failedRun(result.error);
    const { entries, truncated } = result;
    const body = entries.length === 0 ? '(empty)' : entries.map(renderEntry).join('\n');
    const marker = truncated
      ? `\n[only the first ${entries.length} entries; list a subdirectory for the rest]`
      : '';
    return {
      output: boundOutput(body) + marker,
      summary: count(entries.length, 'entry', 'entries') + (truncated ? '+' : ''),
      isError: false,
    };
  },
});

function renderEntry(entry: DirectoryEntry): string {
  if (entry.kind === 'directory') return `${entry.path}/`;
  if (entry.kind === 'file') return `${entry.path}  (${entry.size})`;
  return `${entry.path}  [${entry.kind}]`;
}
