import type { FileDiff } from '@shadow/protocol';

/** A line of the file tree: a directory, or a changed file. */
export type TreeLine =
  | { kind: 'directory'; path: string; label: string; depth: number }
  | { kind: 'file'; file: FileDiff; label: string; depth: number };

interface Directory {
  directories: Map<string, Directory>;
  files: FileDiff[];
}

/** Lays changed files out as a tree; directories that hold but one directory are written as one. */
export function treeOf(files: readonly FileDiff[]): TreeLine[] {
  const root: Directory = { directories: new Map(), files: [] };
  for (const file of files) {
    let at = root;
    for (const part of file.path.split('/').slice(0, -1)) {
      const next = at.directories.get(part) ?? { directories: new Map(), files: [] };
      at.directories.set(part, next);
      at = next;
    }
    at.files.push(file);
  }
  return linesOf(root, '', 0);
}

function linesOf(directory: Directory, path: string, depth: number): TreeLine[] {
  const lines: TreeLine[] = [];
  for (const [name, child] of [...directory.directories].sort(([a], [b]) => a.localeCompare(b))) {
    let label = name;
    let inner = child;
    while (inner.files.length === 0 && inner.directories.size === 1) {
      const [only] = inner.directories;
      if (only === undefined) break;
      label = `${label}/${only[0]}`;
      inner = only[1];
    }
    const innerPath = path === '' ? label : `${path}/${label}`;
    lines.push({ kind: 'directory', path: innerPath, label, depth }, ...linesOf(inner, innerPath, depth + 1));
  }
  for (const file of directory.files.toSorted((a, b) => a.path.localeCompare(b.path))) {
    lines.push({ kind: 'file', file, label: file.path.slice(file.path.lastIndexOf('/') + 1), depth });
  }
  return lines;
}
