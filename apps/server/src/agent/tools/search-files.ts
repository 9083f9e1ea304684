import * as z from 'zod';
import { count } from './text.ts';
import { defineTool, failedRun } from './tool.ts';

const LIMIT = 100;

/** Finds files by name. */
export const searchFiles = defineTool({
  name: 'searchFiles',
  kind: 'read',
  description: `Find files by name or path.

- A query with *, ? or [ is a glob over the whole path ("src/**/*.test.ts"); anything else is a fuzzy query ("callTool" finds agent/tools/call-tool.ts), best match first.
- To search in the content of files use grepSearch.
- What .gitignore leaves out is not searched. At most ${LIMIT} paths are returned.`,
  inputSchema: z.object({
    query: z.string().min(1).max(1000).describe('Part of a file name or path, or a glob'),
    path: z.string().min(1).optional().describe('Directory to search in; default the whole workspace'),
  }),
  target: (input) => input.query,
  async run(input, { executor, signal }) {
    const result = await executor.searchFiles({ ...input, limit: LIMIT }, { signal });
    if (!result.success) return failedRun(result.error);
    const { paths, truncated } = result;
    const marker = truncated ? `\n[only the first ${paths.length}; make the query narrower]` : '';
    return {
      output: paths.length === 0 ? 'No file matches.' : paths.join('\n') + marker,
      summary: count(paths.length, 'file') + (truncated ? '+' : ''),
      isError: false,
    };
  },
});
