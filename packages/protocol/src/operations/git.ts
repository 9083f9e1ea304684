import { z } from 'zod';
import type { Result } from '../errors.ts';
import type { CallOptions } from './call.ts';
import { WorkspacePath } from './files.ts';

export const GitStatusResult = z.object({
  branch: z.string().nullable(),
  headCommit: z.string().nullable(),
  /** Porcelain v2 facts, a file each. */
  files: z.array(
    z.object({
      path: z.string(),
      index: z.string(),
      workingTree: z.string(),
      renamedFrom: z.string().optional(),
    }),
  ),
  clean: z.boolean(),
});
export type GitStatusResult = z.infer<typeof GitStatusResult>;

export const GitDiffRequest = z.object({
  /** Commit or branch to compare with; default HEAD. Untracked files count as added. */
  base: z.string().min(1).max(500).optional(),
  path: WorkspacePath.optional(),
  contextLines: z.int().min(0).max(100).optional(),
  /** Bytes of patch text kept a file; larger ones are cut with `truncated`. Default 1 MiB. */
  maxPatchBytes: z.int().min(0).optional(),
});
export type GitDiffRequest = z.infer<typeof GitDiffRequest>;

export const FileDiff = z.object({
  path: z.string(),
  oldPath: z.string().optional(),
  status: z.enum(['added', 'modified', 'deleted', 'renamed', 'copied', 'type-changed']),
  additions: z.int(),
  deletions: z.int(),
  binary: z.boolean(),
  /** Unified diff of this file with its header; empty for binary files. */
  patch: z.string(),
  truncated: z.boolean(),
});
export type FileDiff = z.infer<typeof FileDiff>;
export const GitDiffResult = z.object({
  base: z.string(),
  files: z.array(FileDiff),
  additions: z.int(),
  deletions: z.int(),
});
export type GitDiffResult = z.infer<typeof GitDiffResult>;

export const GitCommitRequest = z.object({
  message: z.string().min(1).max(100_000),
  author: z.object({ name: z.string().min(1).max(500), email: z.string().min(1).max(500) }).optional(),
  /** Commit only these paths; default everything that changed. */
  paths: z.array(WorkspacePath).optional(),
});
export type GitCommitRequest = z.infer<typeof GitCommitRequest>;
export const GitCommitResult = z.object({
  commit: z.string(),
  branch: z.string().nullable(),
  filesChanged: z.int(),
});
export type GitCommitResult = z.infer<typeof GitCommitResult>;

export const GitLogRequest = z.object({
  /** A revision or range as git log takes it; default HEAD. */
  revision: z.string().min(1).max(500).optional(),
  limit: z.int().min(1).max(1000).optional(),
});
export type GitLogRequest = z.infer<typeof GitLogRequest>;
export const GitLogResult = z.object({
  commits: z.array(
    z.object({
      commit: z.string(),
      parents: z.array(z.string()),
      authorName: z.string(),
      authorEmail: z.string(),
      authoredAt: z.string(),
      subject: z.string(),
    }),
  ),
});
export type GitLogResult = z.infer<typeof GitLogResult>;

export const GitCheckoutRequest = z.object({
  branch: z.string().min(1).max(250),
  /** Create it at this commit when it is not there. */
  createFrom: z.string().min(1).max(500).optional(),
});
export type GitCheckoutRequest = z.infer<typeof GitCheckoutRequest>;
export const GitCheckoutResult = z.object({ branch: z.string(), headCommit: z.string() });
export type GitCheckoutResult = z.infer<typeof GitCheckoutResult>;

/** Git inside one workspace, with hooks and the repository's own commands neutralised. */
export interface GitOperations {
  gitStatus(options?: CallOptions): Promise<Result<GitStatusResult>>;
  gitDiff(request: GitDiffRequest, options?: CallOptions): Promise<Result<GitDiffResult>>;
  gitCommit(request: GitCommitRequest, options?: CallOptions): Promise<Result<GitCommitResult>>;
  gitLog(request: GitLogRequest, options?: CallOptions): Promise<Result<GitLogResult>>;
  gitCheckout(request: GitCheckoutRequest, options?: CallOptions): Promise<Result<GitCheckoutResult>>;
}
