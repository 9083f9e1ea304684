import {
  type CallOptions,
  type CodebaseSearchRequest,
  type DeleteFileRequest,
  type DownloadFileRequest,
  type ExecuteCommandRequest,
  type ExecuteOptions,
  type FsChange,
  type GetProcessRequest,
  type GitBundleRequest,
  type GitCheckoutRequest,
  type GitCloneRequest,
  type GitCommitRequest,
  type GitDiffRequest,
  type GitLogRequest,
  type GitPushRequest,
  type GitRestoreRequest,
  type GrepSearchRequest,
  type ListDirectoryRequest,
  type MakeDirectoryRequest,
  type MoveFileRequest,
  type OutputFrame,
  type ProgressOptions,
  type ReadFileRequest,
  type ReadOutputRequest,
  type ResizeTerminalRequest,
  type SearchFilesRequest,
  type SearchReplaceRequest,
  type SignalProcessRequest,
  type StatFileRequest,
  sidecarEndpoints,
  type UploadFileRequest,
  type WriteFileRequest,
  type WriteStdinRequest,
} from '@shadow/protocol';
import type { ToolExecutor } from '../interfaces/tool-executor.ts';
import type { Capabilities } from '../interfaces/types.ts';
import { executeCommand } from './execute-command.ts';
import { gitBundle, gitClone, gitRestore } from './git-transfer.ts';
import { readOutput } from './output.ts';
import type { SidecarClient } from './sidecar-client.ts';
import { downloadFile, uploadFile } from './transfer.ts';
import { watchFiles } from './watch.ts';

const api = sidecarEndpoints;

/** Milliseconds for a push. */
const PUSH_MS = 3_600_000;

/** The tools of one task in a workspace that a sidecar serves. */
export class RemoteToolExecutor implements ToolExecutor {
  readonly capabilities: Capabilities;
  readonly #client: SidecarClient;

  /** @param capabilities what the sidecar said it can do */
  constructor(client: SidecarClient, capabilities: Capabilities) {
    this.#client = client;
    this.capabilities = capabilities;
  }

  readFile(body: ReadFileRequest, options: CallOptions = {}) {
    return this.#client.call(api.readFile, { ...options, body });
  }

  writeFile(body: WriteFileRequest, options: CallOptions = {}) {
    return this.#client.call(api.writeFile, { ...options, body });
  }

  deleteFile(body: DeleteFileRequest, options: CallOptions = {}) {
    return this.#client.call(api.deleteFile, { ...options, body });
  }

  searchReplace(body: SearchReplaceRequest, options: CallOptions = {}) {
    return this.#client.call(api.searchReplace, { ...options, body });
  }

  listDirectory(body: ListDirectoryRequest, options: CallOptions = {}) {
    return this.#client.call(api.listDirectory, { ...options, body });
  }

  statFile(body: StatFileRequest, options: CallOptions = {}) {
    return this.#client.call(api.statFile, { ...options, body });
  }

  moveFile(body: MoveFileRequest, options: CallOptions = {}) {
    return this.#client.call(api.moveFile, { ...options, body });
  }

  makeDirectory(body: MakeDirectoryRequest, options: CallOptions = {}) {
    return this.#client.call(api.makeDirectory, { ...options, body });
  }

  uploadFile(request: UploadFileRequest, content: AsyncIterable<Uint8Array>, options: CallOptions = {}) {
    return uploadFile(this.#client, request, content, options);
  }

  downloadFile(request: DownloadFileRequest, options: CallOptions = {}) {
    return downloadFile(this.#client, request, options);
  }

  watch({ signal }: CallOptions): AsyncIterable<FsChange> {
    return watchFiles(this.#client, signal);
  }

  searchFiles(body: SearchFilesRequest, options: CallOptions = {}) {
    return this.#client.call(api.searchFiles, { ...options, body });
  }

  grepSearch(body: GrepSearchRequest, options: CallOptions = {}) {
    return this.#client.call(api.grepSearch, { ...options, body });
  }

  codebaseSearch(body: CodebaseSearchRequest, options: CallOptions = {}) {
    return this.#client.call(api.codebaseSearch, { ...options, body });
  }

  executeCommand(request: ExecuteCommandRequest, options: ExecuteOptions = {}) {
    return executeCommand(this.#client, request, options);
  }

  listProcesses({ signal }: CallOptions = {}) {
    return this.#client.call(api.listProcesses, { signal });
  }

  getProcess({ processId }: GetProcessRequest, { signal }: CallOptions = {}) {
    return this.#client.call(api.getProcess, { params: { processId }, signal });
  }

  readOutput(request: ReadOutputRequest, { signal }: CallOptions = {}): AsyncIterable<OutputFrame> {
    return readOutput(this.#client, request, signal);
  }

  writeStdin({ processId, ...body }: WriteStdinRequest, options: CallOptions = {}) {
    return this.#client.call(api.writeStdin, { ...options, params: { processId }, body });
  }

  signalProcess({ processId, ...body }: SignalProcessRequest, options: CallOptions = {}) {
    return this.#client.call(api.signalProcess, { ...options, params: { processId }, body });
  }

  resizeTerminal({ processId, ...body }: ResizeTerminalRequest, options: CallOptions = {}) {
    return this.#client.call(api.resizeTerminal, { ...options, params: { processId }, body });
  }

  gitStatus({ signal }: CallOptions = {}) {
    return this.#client.call(api.gitStatus, { signal });
  }

  gitDiff(body: GitDiffRequest, options: CallOptions = {}) {
    return this.#client.call(api.gitDiff, { ...options, body });
  }

  gitCommit(body: GitCommitRequest, options: CallOptions = {}) {
    return this.#client.call(api.gitCommit, { ...options, body });
  }

  gitLog(body: GitLogRequest, options: CallOptions = {}) {
    return this.#client.call(api.gitLog, { ...options, body });
  }

  gitCheckout(body: GitCheckoutRequest, options: CallOptions = {}) {
    return this.#client.call(api.gitCheckout, { ...options, body });
  }

  gitClone(request: GitCloneRequest, options: ProgressOptions = {}) {
    return gitClone(this.#client, request, options);
  }

  gitRestore(request: GitRestoreRequest, content: AsyncIterable<Uint8Array>, options: CallOptions = {}) {
    return gitRestore(this.#client, request, content, options);
  }

  gitBundle(request: GitBundleRequest, options: CallOptions = {}) {
    return gitBundle(this.#client, request, options);
  }

  gitPush(body: GitPushRequest, options: CallOptions = {}) {
    return this.#client.call(api.gitPush, { ...options, body, timeoutMs: PUSH_MS });
  }

  async close(): Promise<void> {
    this.#client.close();
  }
}
