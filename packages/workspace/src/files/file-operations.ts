import {
  DeleteFileRequest,
  DownloadFileRequest,
  type FileOperations,
  ListDirectoryRequest,
  MakeDirectoryRequest,
  MoveFileRequest,
  ReadFileRequest,
  SearchReplaceRequest,
  StatFileRequest,
  UploadFileRequest,
  WriteFileRequest,
} from '@shadow/protocol';
import type { WorkspaceContext } from '../context.ts';
import { operation } from '../operation.ts';
import type { Confinement } from '../security/paths.ts';
import { deleteEntry, makeDirectory, moveEntry, statEntry } from './entries.ts';
import { listEntries } from './list-directory.ts';
import { PathLocks } from './path-locks.ts';
import { readTextFile } from './read-file.ts';
import type { FileScope } from './scope.ts';
import { replaceText } from './search-replace.ts';
import { downloadBytes, uploadBytes } from './transfer.ts';
import { watchTree } from './watch.ts';
import { writeTextFile } from './write-file.ts';

/**
 * File operations on one workspace.
 *
 * @param context the workspace
 * @param confinement its path confinement
 */
export function createFileOperations(context: WorkspaceContext, confinement: Confinement): FileOperations {
  const scope: FileScope = { root: context.root, confinement, runAs: context.runAs, locks: new PathLocks() };
  return {
    readFile: (request, options) =>
      operation(ReadFileRequest, request, options, (parsed, signal) => readTextFile(scope, parsed, signal)),
    writeFile: (request, options) =>
      operation(WriteFileRequest, request, options, (parsed, signal) => writeTextFile(scope, parsed, signal)),
    deleteFile: (request, options) =>
      operation(DeleteFileRequest, request, options, (parsed, signal) => deleteEntry(scope, parsed, signal)),
    searchReplace: (request, options) =>
      operation(SearchReplaceRequest, request, options, (parsed, signal) =>
        replaceText(scope, parsed, signal),
      ),
    listDirectory: (request, options) =>
      operation(ListDirectoryRequest, request, options, (parsed, signal) =>
        listEntries(scope, parsed, signal),
      ),
    statFile: (request, options) =>
      operation(StatFileRequest, request, options, (parsed) => statEntry(scope, parsed)),
    moveFile: (request, options) =>
      operation(MoveFileRequest, request, options, (parsed) => moveEntry(scope, parsed)),
    makeDirectory: (request, options) =>
      operation(MakeDirectoryRequest, request, options, (parsed) => makeDirectory(scope, parsed)),
    uploadFile: (request, content, options) =>
      operation(UploadFileRequest, request, options, (parsed, signal) =>
        uploadBytes(scope, parsed, content, signal),
      ),
    downloadFile: (request, options) =>
      operation(DownloadFileRequest, request, options, (parsed, signal) =>
        downloadBytes(scope, parsed, signal),
      ),
    watch: (options) => watchTree(scope, options.signal),
  };
}
