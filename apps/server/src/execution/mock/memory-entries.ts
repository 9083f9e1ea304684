import type {
  DeleteFileRequest,
  DirectoryEntry,
  ListDirectoryRequest,
  ListDirectoryResult,
  MakeDirectoryRequest,
  MoveFileRequest,
  StatFileRequest,
  StatFileResult,
} from '@shadow/protocol';
import { ShadowError } from '@shadow/protocol';
import { fileError } from '@shadow/workspace/semantics';
import { rulesDownTo } from './tree/ignored.ts';
import { errno, type MemoryPlace, type MemoryTree } from './tree/memory-tree.ts';
import { DIRECTORY_MODE, LINK_MODE, type MemoryNode, newDirectory } from './tree/nodes.ts';
import { walk } from './tree/walk.ts';

const DEFAULT_LIMIT = 2_000;

/** @throws ShadowError FILE_NOT_FOUND, NOT_A_DIRECTORY */
export function listEntries(tree: MemoryTree, request: ListDirectoryRequest): ListDirectoryResult {
  const { directory, relative } = tree.directory(request.path ?? '.');
  const rules = request.includeIgnored === true ? undefined : rulesDownTo(tree.root, relative);
  const depth = request.recursive === true ? (request.maxDepth ?? 64) : 1;
  const limit = request.limit ?? DEFAULT_LIMIT;
  const entries: DirectoryEntry[] = [];
  for (const { path, node } of walk(directory, relative, { rules, depth })) {
    if (entries.length >= limit) return { path: relative, entries, truncated: true };
    entries.push({ path, kind: node.kind, size: node.kind === 'directory' ? 0 : sizeOf(node) });
  }
  return { path: relative, entries, truncated: false };
}

/** @throws ShadowError FILE_NOT_FOUND */
export function statEntry(tree: MemoryTree, request: StatFileRequest): StatFileResult {
  const { node, shown } = tree.resolve(request.path, { follow: false });
  if (node === undefined) throw fileError(errno('ENOENT'), shown);
  const modifiedAt = node.modifiedAt.toISOString();
  return { path: shown, kind: node.kind, size: sizeOf(node), mode: modeOf(node), modifiedAt };
}

/** @throws ShadowError FILE_NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED */
export function deleteEntry(tree: MemoryTree, request: DeleteFileRequest): { path: string } {
  const place = tree.resolve(request.path, { follow: false, write: true });
  refuseRoot(place, 'deleted');
  const { node, shown } = place;
  if (node === undefined) throw fileError(errno('ENOENT'), shown);
  if (node.kind === 'directory' && node.entries.size > 0 && request.recursive !== true) {
    throw fileError(errno('ENOTEMPTY'), shown);
  }
  tree.remove(place);
  return { path: shown };
}

/** @throws ShadowError FILE_NOT_FOUND, ALREADY_EXISTS, NOT_A_DIRECTORY, NOT_A_FILE, PATH_INVALID, PERMISSION_DENIED */
export function moveEntry(tree: MemoryTree, request: MoveFileRequest): { from: string; to: string } {
  const from = tree.resolve(request.from, { follow: false, write: true });
  refuseRoot(from, 'moved');
  const { node } = from;
  if (node === undefined) throw fileError(errno('ENOENT'), from.shown);
  const to = tree.resolve(request.to, { follow: false, createParents: true });
  refuseRoot(to, 'replaced');
  if (to.node !== undefined) {
    if (request.overwrite !== true) throw fileError(errno('EEXIST'), to.shown);
    checkReplaceable(node, to.node, to.shown);
  }
  if (node.kind === 'directory' && `${to.relative}/`.startsWith(`${from.relative}/`)) {
    throw intoItself(to.shown);
  }
  tree.remove(from);
  tree.put(to, node);
  return { from: from.shown, to: to.shown };
}

/** @throws ShadowError ALREADY_EXISTS */
export function makeDirectory(
  tree: MemoryTree,
  request: MakeDirectoryRequest,
): { path: string; created: boolean } {
  const place = tree.resolve(request.path, { createParents: true });
  if (place.node?.kind === 'directory') return { path: place.shown, created: false };
  if (place.node !== undefined) throw fileError(errno('EEXIST'), place.shown);
  tree.put(place, newDirectory());
  return { path: place.shown, created: true };
}

/** As rename(2) has it. */
function checkReplaceable(node: MemoryNode, target: MemoryNode, shown: string): void {
  if (target.kind === 'directory') {
    if (node.kind !== 'directory') throw fileError(errno('EISDIR'), shown);
    if (target.entries.size > 0 && target !== node) throw fileError(errno('ENOTEMPTY'), shown);
  } else if (node.kind === 'directory') {
    throw fileError(errno('ENOTDIR'), shown);
  }
}

function intoItself(shown: string): ShadowError {
  return new ShadowError('PATH_INVALID', `A directory cannot be moved into itself (${shown}).`, {
    details: { path: shown },
  });
}

function refuseRoot(place: MemoryPlace, what: string): void {
  if (place.name !== '') return;
  throw new ShadowError('PERMISSION_DENIED', `The workspace's root cannot be ${what}.`);
}

function sizeOf(node: MemoryNode): number {
  if (node.kind === 'file') return node.bytes.length;
  return node.kind === 'symlink' ? Buffer.byteLength(node.target) : 4096;
}

function modeOf(node: MemoryNode): number {
  if (node.kind === 'file') return node.mode;
  return node.kind === 'symlink' ? LINK_MODE : DIRECTORY_MODE;
}
