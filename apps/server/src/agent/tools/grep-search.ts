import type { GrepMatch } from '@shadow/protocol';
import * as z from 'zod';
import { boundOutput, count, cutLine } from './text.ts';
import { defineTool, failedRun } from './tool.ts';

/** Searches the content of files with ripgrep's regular expressions. */
export const grepSearch = defineTool({
  name: 'grepSearch',
  kind: 'read',
  description: `Search the content of files with a regular expression (ripgrep's syntax).

- Always use this instead of running grep or rg with executeCommand: it is faster, bounded, and leaves out what .gitignore leaves out.
- For text with special characters such as ( [ { . set literal to true instead of escaping.
- Narrow it with path or globs when a pattern is common. contextLines shows lines around each match.
- Results are grouped by file as "line: text"; lines of context as "line- text".`,
  inputSchema: z.object({
    pattern: z.string().min(1).max(10_000).describe('Regular expression, or plain text with literal'),
    literal: z.boolean().optional().describe('Take the pattern as plain text; default false'),
    caseSensitive: z.boolean().optional().describe('Tell upper from lower case; default true'),
    multiline: z.boolean().optional().describe('Let the pattern match across lines; default false'),
    path: z
      .string()
      .min(1)
      .optional()
      .describe('File or directory to search in; default the whole workspace'),
    globs: z
      .array(z.string().min(1).max(500))
      .max(50)
      .optional()
      .describe('Globs a file must match one of, such as "*.ts"; a leading "!" excludes'),
    contextLines: z
      .int()
      .min(0)
      .max(20)
      .optional()
      .describe('Lines shown before and after each match; default 0'),
    limit: z.int().min(1).max(1000).optional().describe('Matching lines returned at most; default 200'),
  }),
  target: (input) => input.pattern,
  async run(input, { executor, signal }) {
    const result = await executor.grepSearch(
      { ...input, caseSensitive: input.caseSensitive ?? true, limit: input.limit ?? 200 },
      { signal },
    );
    if (!result.success) return failedRun(result.error);
    const { matches, filesMatched, truncated } = result;
    const marker = truncated
      ? `\n[only the first ${matches.length} matches; narrow the search for the rest]`
      : '';
    return {
      output: matches.length === 0 ? 'No match.' : boundOutput(render(matches)) + marker,
      summary:
        matches.length === 0
          ? 'no matches'
          : `${count(matches.length, 'match', 'matches')}${truncated ? '+' : ''} · ${count(filesMatched, 'file')}`,
      isError: false,
    };
  },
});

function render(matches: readonly GrepMatch[]): string {
  const out: string[] = [];
  let file = '';
  for (const match of matches) {
    if (match.path !== file) {
      if (file !== '') out.push('');
      out.push(match.path);
      file = match.path;
    }
    const hasContext = match.before.length + match.after.length > 0;
    match.before.forEach((line, index) => {
      out.push(`${match.line - match.before.length + index}- ${cutLine(line)}`);
    });
    out.push(`${match.line}: ${cutLine(match.text.replace(/\r?\n$/, ''))}`);
    match.after.forEach((line, index) => {
      out.push(`${match.line + 1 + index}- ${cutLine(line)}`);
    });
    if (hasContext) out.push('--');
  }
  return out.join('\n');
}
