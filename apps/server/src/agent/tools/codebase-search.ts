import type { CodebaseSearchResult } from '@shadow/protocol';
import * as z from 'zod';
import { boundOutput, count, numberLines } from './text.ts';
import { defineTool, failedRun } from './tool.ts';

/** Finds code by meaning; offered only where the executor can. */
export const codebaseSearch = defineTool({
  name: 'codebaseSearch',
  kind: 'read',
  description: `Find code by meaning: ask a question ("where are tool calls validated?") or name a symbol.

- Best when you do not know the words used in the code. When you know the exact text, use grepSearch.
- Returns the best snippets with their paths and line numbers. Read the file before you change it.`,
  inputSchema: z.object({
    query: z.string().min(1).max(2000).describe('A question in natural language, or the name of a symbol'),
    path: z.string().min(1).optional().describe('Directory to search in; default the whole workspace'),
    limit: z.int().min(1).max(50).optional().describe('Snippets returned at most; default 10'),
  }),
  target: (input) => input.query,
  async run(input, { executor, signal }) {
    const result = await executor.codebaseSearch({ ...input, limit: input.limit ?? 10 }, { signal });
    if (!result.success) return failedRun(result.error);
    const { snippets } = result;
    const blocks = snippets.map(
      (found) =>
        `${found.path}:${found.startLine}-${found.endLine}${found.symbol === undefined ? '' : ` (${found.symbol})`}\n` +
        numberLines(found.content, found.startLine),
    );
    return {
      output: (blocks.length === 0 ? 'Nothing found.' : boundOutput(blocks.join('\n\n'))) + missing(result),
      summary: count(snippets.length, 'snippet'),
      isError: false,
    };
  },
});

/** What the answer may lack, and whether it helps to ask again. */
function missing({ complete, full, filesIndexed }: CodebaseSearchResult): string {
  const files = count(filesIndexed, 'file');
  if (full)
    return `\n[the index has no room for all of the code, only for ${files}: grepSearch finds the rest]`;
  return complete ? '' : `\n[the index is still being built: ${files} so far]`;
}
