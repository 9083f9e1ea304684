import * as z from 'zod';
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

/** The address of a repository, as git takes it: a URL, `user@host:path` or an absolute path; without a password. */
export const GitAddress = z
  .string()
  .min(1)
  .max(4096)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they end a line of git's own formats
  .refine((url) => !/^-|[\u0000-\u001f\u007f]/.test(url), 'must be an address, without control characters')
  .refine(
    (url) => !/^[a-z][a-z0-9+.-]*:\/\/[^/@]*:[^/@]*@/i.test(url),
    'must not hold a password: hand it over as the credential',
  );

const CommitId = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, 'must be the id of a commit');
const BranchName = z.string().min(1).max(250);
/** One line of git's credential protocol. */
const CredentialPart = z.string().refine((text) => !/[\0\r\n]/.test(text), 'must be a single line');

/** What opens a repository to whoever has it, for one call; nothing of it stays in the workspace. */
export const GitCredential = z.object({
  username: CredentialPart.min(1).max(500),
  password: CredentialPart.max(16_384),
});
export type GitCredential = z.infer<typeof GitCredential>;

export const GitCloneRequest = z.object({
  url: GitAddress,
  /** Branch to work on; made at the start. */
  branch: BranchName,
  /** Branch to start from; default the one that the repository itself names. */
  base: BranchName.optional(),
  /** The exact start, which must be reachable from the base; default the base's tip. */
  commit: CommitId.optional(),
  /** What `origin` says afterwards; default `url`. */
  originUrl: GitAddress.optional(),
  /** For http and https. */
  credential: GitCredential.optional(),
  /** Commits of history wanted, of the base alone; default all of every branch. */
  depth: z.int().min(1).max(1_000_000).optional(),
});
export type GitCloneRequest = z.infer<typeof GitCloneRequest>;
export const GitCloneResult = z.object({
  baseBranch: z.string(),
  baseCommit: z.string(),
  branch: z.string(),
});
export type GitCloneResult = z.infer<typeof GitCloneResult>;

/** A clone from a bundle instead of an address. */
export const GitRestoreRequest = z.object({
  branch: BranchName,
  base: BranchName,
  commit: CommitId,
  originUrl: GitAddress,
});
export type GitRestoreRequest = z.infer<typeof GitRestoreRequest>;

export const GitBundleRequest = z.object({
  /** What it reaches is left out. */
  since: CommitId,
});
export type GitBundleRequest = z.infer<typeof GitBundleRequest>;
/**
 * HEAD and all branches as git-bundle(1) writes them, made while it is read. The stream ends with the bundle or with an
 * error thrown as ShadowError; a caller that never starts to read it must abort.
 */
export interface GitBundle {
  /** Commits in it; with none the content is empty. */
  commits: number;
  content: AsyncIterable<Uint8Array>;
}

export const GitPushRequest = z.object({
  /** Default the workspace's own `origin`; must be given with a credential, since the workspace can change that. */
  url: GitAddress.optional(),
  branch: BranchName,
  /** Its name there; default the same. */
  remoteBranch: BranchName.optional(),
  credential: GitCredential.optional(),
  /** Replace what is there if it is this commit, or if nothing is there (null). Default: only add to what is there. */
  forceWithLease: CommitId.nullable().optional(),
});
export type GitPushRequest = z.infer<typeof GitPushRequest>;
export const GitPushResult = z.object({
  commit: z.string(),
  /** Whether the branch was not there before. */
  created: z.boolean(),
});
export type GitPushResult = z.infer<typeof GitPushResult>;

/** Options of a call that tells how far it is. */
export interface ProgressOptions extends CallOptions {
  /** Gets a line of git's own words at a time. */
  onProgress?: (text: string) => void;
}

/** Git inside one workspace, with hooks and the repository's own commands neutralised. */
export interface GitOperations {
  gitStatus(options?: CallOptions): Promise<Result<GitStatusResult>>;
  gitDiff(request: GitDiffRequest, options?: CallOptions): Promise<Result<GitDiffResult>>;
  gitCommit(request: GitCommitRequest, options?: CallOptions): Promise<Result<GitCommitResult>>;
  gitLog(request: GitLogRequest, options?: CallOptions): Promise<Result<GitLogResult>>;
  gitCheckout(request: GitCheckoutRequest, options?: CallOptions): Promise<Result<GitCheckoutResult>>;
  /**
   * Brings a repository into the workspace, which must be empty or hold a clone that was cut off. A finished one of the
   * same origin and branch is left as it is.
   */
  gitClone(request: GitCloneRequest, options?: ProgressOptions): Promise<Result<GitCloneResult>>;
  /** The same from a bundle. */
  gitRestore(
    request: GitRestoreRequest,
    content: AsyncIterable<Uint8Array>,
    options?: CallOptions,
  ): Promise<Result<GitCloneResult>>;
  gitBundle(request: GitBundleRequest, options?: CallOptions): Promise<Result<GitBundle>>;
  /** Fails with GIT_CONFLICT when the branch there holds something else than was expected. */
  gitPush(request: GitPushRequest, options?: CallOptions): Promise<Result<GitPushResult>>;
}
