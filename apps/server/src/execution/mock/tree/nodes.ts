import { Buffer } from 'node:buffer';

/** A file in memory. Its bytes are replaced, never changed in place. */
export interface MemoryFile {
  readonly kind: 'file';
  bytes: Buffer;
  /** POSIX permission bits. */
  mode: number;
  modifiedAt: Date;
}

/** A symbolic link in memory. */
export interface MemoryLink {
  readonly kind: 'symlink';
  readonly target: string;
  readonly modifiedAt: Date;
}

/** A directory in memory. */
export interface MemoryDirectory {
  readonly kind: 'directory';
  readonly entries: Map<string, MemoryNode>;
  modifiedAt: Date;
}

export type MemoryNode = MemoryFile | MemoryLink | MemoryDirectory;

export const FILE_MODE = 0o644;
export const DIRECTORY_MODE = 0o755;
export const LINK_MODE = 0o777;

export function newFile(bytes: Uint8Array, mode: number = FILE_MODE): MemoryFile {
  return { kind: 'file', bytes: Buffer.from(bytes), mode, modifiedAt: new Date() };
}

export function newLink(target: string): MemoryLink {
  return { kind: 'symlink', target, modifiedAt: new Date() };
}

export function newDirectory(): MemoryDirectory {
  return { kind: 'directory', entries: new Map(), modifiedAt: new Date() };
}

/** Names of a directory in the order in which they are listed. */
export function sortedEntries(directory: MemoryDirectory): [string, MemoryNode][] {
  return [...directory.entries].sort(([a], [b]) => (a < b ? -1 : 1));
}
