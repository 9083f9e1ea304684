import * as z from 'zod';
import type { Result } from '../errors.ts';
import type { CallOptions } from './call.ts';
import { WorkspacePath } from './files.ts';

export const SearchFilesRequest = z.object({
  /** Fuzzy query over file paths, or a glob when it holds `*`, `?` or `[`. */
  query: z.string().min(1).max(1000),
  path: WorkspacePath.optional(),
  limit: z.int().min(1).max(1000).optional(),
});
export type SearchFilesRequest = z.infer<typeof SearchFilesRequest>;
export const SearchFilesResult = z.object({ paths: z.array(z.string()), truncated: z.boolean() });
export type SearchFilesResult = z.infer<typeof SearchFilesResult>;

export const GrepSearchRequest = z.object({
  /** A regular expression in ripgrep's syntax, or plain text with `literal`. */
  pattern: z.string().min(1).max(10_000),
  literal: z.boolean().optional(),
  caseSensitive: z.boolean().optional(),
  multiline: z.boolean().optional(),
  path: WorkspacePath.optional(),
  /** Globs a file must match one of; a leading `!` excludes. */
  globs: z.array(z.string().min(1).max(500)).max(50).optional(),
  /** Lines of context before and after each match. */
  contextLines: z.int().min(0).max(20).optional(),
  /** Matching lines returned at most; default 200. */
  limit: z.int().min(1).max(10_000).optional(),
});
export type GrepSearchRequest = z.infer<typeof GrepSearchRequest>;

export const GrepMatch = z.object({
  path: z.string(),
  line: z.int(),
  /** Column of the first match in characters, from 1. */
  column: z.int(),
  text: z.string(),
  before: z.array(z.string()),
  after: z.array(z.string()),
});
export type GrepMatch = z.infer<typeof GrepMatch>;
export const GrepSearchResult = z.object({
  matches: z.array(GrepMatch),
  filesMatched: z.int(),
  truncated: z.boolean(),
});
export type GrepSearchResult = z.infer<typeof GrepSearchResult>;

export const CodebaseSearchRequest = z.object({
  /** A question in natural language, or a symbol's name. */
  query: z.string().min(1).max(2000),
  path: WorkspacePath.optional(),
  limit: z.int().min(1).max(50).optional(),
});
export type CodebaseSearchRequest = z.infer<typeof CodebaseSearchRequest>;
export const CodeSnippet = z.object({
  path: z.string(),
  startLine: z.int(),
  endLine: z.int(),
  symbol: z.string().optional(),
  content: z.string(),
  score: z.number(),
});
export type CodeSnippet = z.infer<typeof CodeSnippet>;
export const CodebaseSearchResult = z.object({
  snippets: z.array(CodeSnippet),
  /** Files in the index; while it is being built, and when it is full, fewer than there are. */
  filesIndexed: z.int(),
  /** Whether all of the code is in the index. */
  complete: z.boolean(),
  /** Whether there was no room for all of the code: waiting does not make this index complete. */
  full: z.boolean(),
});
export type CodebaseSearchResult = z.infer<typeof CodebaseSearchResult>;

/** Search in one workspace. */
export interface SearchOperations {
  searchFiles(request: SearchFilesRequest, options?: CallOptions): Promise<Result<SearchFilesResult>>;
  grepSearch(request: GrepSearchRequest, options?: CallOptions): Promise<Result<GrepSearchResult>>;
  codebaseSearch(
    request: CodebaseSearchRequest,
    options?: CallOptions,
  ): Promise<Result<CodebaseSearchResult>>;
}
