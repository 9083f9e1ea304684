import { createHash } from 'node:crypto';
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
import {
  type DecodedText,
  decodeText,
  fileChanged,
  fileError,
  MAX_TEXT_BYTES,
  newContent,
  notAFile,
  operation,
  replaceInBytes,
  selectText,
  throwIfCancelled,
  tooLarge,
} from '@shadow/workspace/semantics';
import { deleteEntry, listEntries, makeDirectory, moveEntry, statEntry } from './memory-entries.ts';
import { errno, type MemoryPlace, type MemoryTree } from './tree/memory-tree.ts';
import { type MemoryFile, newFile } from './tree/nodes.ts';
import { watchTree } from './watch-tree.ts';

const CHUNK_BYTES = 256 * 1024;

/** File operations on a tree in memory, with the engine's rules. */
export function createMemoryFiles(tree: MemoryTree): FileOperations {
  return {
    readFile: (request, options) =>
      operation(ReadFileRequest, request, options, async (parsed) => {
        const { file, shown } = textFileAt(tree, parsed.path);
        return selectText(shown, file.bytes, hashOf(file.bytes), parsed);
      }),
    writeFile: (request, options) =>
      operation(WriteFileRequest, request, options, async (parsed) => writeText(tree, parsed)),
    searchReplace: (request, options) =>
      operation(SearchReplaceRequest, request, options, async (parsed) => replaceText(tree, parsed)),
    uploadFile: (request, content, options) =>
      operation(UploadFileRequest, request, options, (parsed, signal) =>
        uploadBytes(tree, parsed, content, signal),
      ),
    downloadFile: (request, options) =>
      operation(DownloadFileRequest, request, options, async (parsed, signal) => {
        const { file, shown } = fileAt(tree, parsed.path);
        const start = parsed.offset ?? 0;
        const bytes = file.bytes.subarray(start, start + (parsed.length ?? file.bytes.length));
        return { path: shown, size: file.bytes.length, content: chunksOf(bytes, signal) };
      }),
    deleteFile: (request, options) =>
      operation(DeleteFileRequest, request, options, async (parsed) => deleteEntry(tree, parsed)),
    listDirectory: (request, options) =>
      operation(ListDirectoryRequest, request, options, async (parsed) => listEntries(tree, parsed)),
    statFile: (request, options) =>
      operation(StatFileRequest, request, options, async (parsed) => statEntry(tree, parsed)),
    moveFile: (request, options) =>
      operation(MoveFileRequest, request, options, async (parsed) => moveEntry(tree, parsed)),
    makeDirectory: (request, options) =>
      operation(MakeDirectoryRequest, request, options, async (parsed) => makeDirectory(tree, parsed)),
    watch: ({ signal }) => watchTree(tree, signal),
  };
}

/** A regular file, links followed. @throws ShadowError FILE_NOT_FOUND, NOT_A_FILE */
export function fileAt(tree: MemoryTree, path: string): { file: MemoryFile; shown: string } {
  const { node, shown } = tree.resolve(path);
  return { file: regular(node, shown), shown };
}

function textFileAt(tree: MemoryTree, path: string): { file: MemoryFile; shown: string } {
  const found = fileAt(tree, path);
  if (found.file.bytes.length > MAX_TEXT_BYTES) throw tooLarge(found.shown, found.file.bytes.length);
  return found;
}

function regular(node: MemoryPlace['node'], shown: string): MemoryFile {
  if (node === undefined) throw fileError(errno('ENOENT'), shown);
  if (node.kind !== 'file') throw fileError(errno('EISDIR'), shown);
  return node;
}

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function writeText(tree: MemoryTree, request: WriteFileRequest) {
  const place = tree.resolve(request.path, { createParents: true });
  const { node, shown } = place;
  const { expectedHash } = request;
  if (expectedHash === '' && node !== undefined) throw fileChanged(shown);
  if (node !== undefined && node.kind !== 'file') throw notAFile(shown);
  const present = node === undefined ? '' : hashOf(node.bytes);
  if (expectedHash !== undefined && present !== expectedHash) throw fileChanged(shown);
  const shape: DecodedText = (node === undefined ? undefined : decodeText(node.bytes)) ?? {
    text: '',
    encoding: 'utf8',
    bom: false,
  };
  const { bytes, ...changes } = newContent(request.content, shape);
  tree.put(place, newFile(bytes, node?.mode));
  return { path: shown, created: node === undefined, size: bytes.length, ...changes };
}

function replaceText(tree: MemoryTree, request: SearchReplaceRequest) {
  const place = tree.resolve(request.path, { write: true });
  const file = regular(place.node, place.shown);
  if (file.bytes.length > MAX_TEXT_BYTES) throw tooLarge(place.shown, file.bytes.length);
  const { bytes, result } = replaceInBytes(place.shown, file.bytes, request);
  tree.put(place, newFile(bytes, file.mode));
  return result;
}

async function uploadBytes(
  tree: MemoryTree,
  request: UploadFileRequest,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
) {
  freePlace(tree, request);
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) {
    throwIfCancelled(signal);
    chunks.push(Buffer.from(chunk));
  }
  throwIfCancelled(signal);
  // Looked at again: somebody may have taken the name meanwhile.
  const place = freePlace(tree, request);
  const bytes = Buffer.concat(chunks);
  const mode = place.node?.kind === 'file' ? place.node.mode : undefined;
  tree.put(place, newFile(bytes, mode));
  return { path: place.shown, size: bytes.length, created: place.node === undefined };
}

function freePlace(tree: MemoryTree, request: UploadFileRequest): MemoryPlace {
  const place = tree.resolve(request.path, { createParents: true });
  if (place.node !== undefined && place.node.kind !== 'file') throw notAFile(place.shown);
  if (place.node !== undefined && request.overwrite !== true) throw fileError(errno('EEXIST'), place.shown);
  return place;
}

async function* chunksOf(bytes: Buffer, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    throwIfCancelled(signal);
    yield Buffer.from(bytes.subarray(at, at + CHUNK_BYTES));
  }
}
