import * as z from 'zod';
import type { Result } from '../errors.ts';
import type { CallOptions } from './call.ts';

/** A path relative to the workspace root, or absolute inside it; always checked at use. */
export const WorkspacePath = z
  .string()
  .min(1)
  .max(4096)
  .refine((path) => !path.includes('\0'), 'must not contain a NUL character');

export const ReadFileRequest = z.object({
  path: WorkspacePath,
  /** First line wanted, from 1. */
  startLine: z.int().min(1).optional(),
  /** Last line wanted, inclusive. */
  endLine: z.int().min(1).optional(),
  /** Upper bound of returned bytes; more is cut at a line's end with `truncated`. Default 256 KiB. */
  maxBytes: z.int().min(1).max(16_777_216).optional(),
});
export type ReadFileRequest = z.infer<typeof ReadFileRequest>;

export const ReadFileResult = z.object({
  path: z.string(),
  content: z.string(),
  encoding: z.enum(['utf8', 'utf16le', 'utf16be', 'latin1']),
  /** Size of the file in bytes. */
  size: z.int(),
  totalLines: z.int(),
  startLine: z.int(),
  endLine: z.int(),
  truncated: z.boolean(),
  /** SHA-256 of the file's bytes in hex: hand it back as `expectedHash` to detect a change in between. */
  hash: z.string(),
});
export type ReadFileResult = z.infer<typeof ReadFileResult>;

export const WriteFileRequest = z.object({
  path: WorkspacePath,
  content: z.string(),
  /** Fail with FILE_CHANGED unless the present file has this hash ('' for: must not exist). */
  expectedHash: z.string().optional(),
});
export type WriteFileRequest = z.infer<typeof WriteFileRequest>;

export const WriteFileResult = z.object({
  path: z.string(),
  created: z.boolean(),
  size: z.int(),
  additions: z.int(),
  deletions: z.int(),
});
export type WriteFileResult = z.infer<typeof WriteFileResult>;

export const DeleteFileRequest = z.object({
  path: WorkspacePath,
  /** Needed to delete a directory that is not empty. */
  recursive: z.boolean().optional(),
});
export type DeleteFileRequest = z.infer<typeof DeleteFileRequest>;
export const DeleteFileResult = z.object({ path: z.string() });
export type DeleteFileResult = z.infer<typeof DeleteFileResult>;

export const SearchReplaceRequest = z.object({
  path: WorkspacePath,
  /** Exact text to find; line ends match LF and CRLF files alike. */
  oldText: z.string().min(1),
  /** Literal replacement: `$&` and friends mean themselves. */
  newText: z.string(),
  /** Replace every occurrence; without it the text must occur exactly once. */
  replaceAll: z.boolean().optional(),
});
export type SearchReplaceRequest = z.infer<typeof SearchReplaceRequest>;
export const SearchReplaceResult = z.object({
  path: z.string(),
  replacements: z.int(),
  /** Line of the first replacement, from 1. */
  line: z.int(),
  additions: z.int(),
  deletions: z.int(),
});
export type SearchReplaceResult = z.infer<typeof SearchReplaceResult>;

export const ListDirectoryRequest = z.object({
  path: WorkspacePath.optional(),
  recursive: z.boolean().optional(),
  /** Depth bound for recursive listings; 1 is the directory itself. */
  maxDepth: z.int().min(1).max(64).optional(),
  /** Also entries that .gitignore leaves out (never `.git`). */
  includeIgnored: z.boolean().optional(),
  /** Entries returned at most; default 2,000. */
  limit: z.int().min(1).max(100_000).optional(),
});
export type ListDirectoryRequest = z.infer<typeof ListDirectoryRequest>;

export const FileKind = z.enum(['file', 'directory', 'symlink', 'other']);
export type FileKind = z.infer<typeof FileKind>;

export const DirectoryEntry = z.object({ path: z.string(), kind: FileKind, size: z.int() });
export type DirectoryEntry = z.infer<typeof DirectoryEntry>;
export const ListDirectoryResult = z.object({
  path: z.string(),
  entries: z.array(DirectoryEntry),
  truncated: z.boolean(),
});
export type ListDirectoryResult = z.infer<typeof ListDirectoryResult>;

export const StatFileRequest = z.object({ path: WorkspacePath });
export type StatFileRequest = z.infer<typeof StatFileRequest>;
export const StatFileResult = z.object({
  path: z.string(),
  kind: FileKind,
  size: z.int(),
  /** POSIX permission bits. */
  mode: z.int(),
  modifiedAt: z.iso.datetime(),
});
export type StatFileResult = z.infer<typeof StatFileResult>;

export const MoveFileRequest = z.object({
  from: WorkspacePath,
  to: WorkspacePath,
  overwrite: z.boolean().optional(),
});
export type MoveFileRequest = z.infer<typeof MoveFileRequest>;
export const MoveFileResult = z.object({ from: z.string(), to: z.string() });
export type MoveFileResult = z.infer<typeof MoveFileResult>;

export const MakeDirectoryRequest = z.object({ path: WorkspacePath });
export type MakeDirectoryRequest = z.infer<typeof MakeDirectoryRequest>;
export const MakeDirectoryResult = z.object({ path: z.string(), created: z.boolean() });
export type MakeDirectoryResult = z.infer<typeof MakeDirectoryResult>;

export const DownloadFileRequest = z.object({
  path: WorkspacePath,
  /** First byte wanted. */
  offset: z.int().min(0).optional(),
  /** Bytes wanted at most. */
  length: z.int().min(0).optional(),
});
export type DownloadFileRequest = z.infer<typeof DownloadFileRequest>;
/** Bytes of a file, streamed; the stream ends with the file or with an error thrown as ShadowError. */
export interface FileDownload {
  path: string;
  size: number;
  content: AsyncIterable<Uint8Array>;
}

export const UploadFileRequest = z.object({ path: WorkspacePath, overwrite: z.boolean().optional() });
export type UploadFileRequest = z.infer<typeof UploadFileRequest>;
export const UploadFileResult = z.object({ path: z.string(), size: z.int(), created: z.boolean() });
export type UploadFileResult = z.infer<typeof UploadFileResult>;

/** One batch of changes on disk, git-ignored noise left out. */
export const FsChange = z.object({
  changes: z.array(z.object({ path: z.string(), kind: z.enum(['created', 'modified', 'deleted']) })),
  /** True when so much changed that the list was cut. */
  truncated: z.boolean(),
});
export type FsChange = z.infer<typeof FsChange>;

/** Files of one workspace. */
export interface FileOperations {
  readFile(request: ReadFileRequest, options?: CallOptions): Promise<Result<ReadFileResult>>;
  /** Atomic: a temporary file, then a rename; keeps mode, and makes missing parent directories. */
  writeFile(request: WriteFileRequest, options?: CallOptions): Promise<Result<WriteFileResult>>;
  deleteFile(request: DeleteFileRequest, options?: CallOptions): Promise<Result<DeleteFileResult>>;
  searchReplace(request: SearchReplaceRequest, options?: CallOptions): Promise<Result<SearchReplaceResult>>;
  listDirectory(request: ListDirectoryRequest, options?: CallOptions): Promise<Result<ListDirectoryResult>>;
  statFile(request: StatFileRequest, options?: CallOptions): Promise<Result<StatFileResult>>;
  moveFile(request: MoveFileRequest, options?: CallOptions): Promise<Result<MoveFileResult>>;
  makeDirectory(request: MakeDirectoryRequest, options?: CallOptions): Promise<Result<MakeDirectoryResult>>;
  uploadFile(
    request: UploadFileRequest,
    content: AsyncIterable<Uint8Array>,
    options?: CallOptions,
  ): Promise<Result<UploadFileResult>>;
  downloadFile(request: DownloadFileRequest, options?: CallOptions): Promise<Result<FileDownload>>;
  /** Changes until the signal aborts. */
  watch(options: CallOptions): AsyncIterable<FsChange>;
}
