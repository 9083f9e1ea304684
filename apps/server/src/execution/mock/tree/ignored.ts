import { type IgnoreRules, NOTHING, parseIgnoreRules } from '@shadow/workspace/semantics';
import type { MemoryDirectory } from './nodes.ts';

/** The rules that hold in a directory: its own `.gitignore` over those above. */
export function rulesIn(directory: MemoryDirectory, relative: string, above: IgnoreRules): IgnoreRules {
  const file = directory.entries.get('.gitignore');
  return file?.kind === 'file' ? parseIgnoreRules(relative, file.bytes.toString('utf8'), above) : above;
}

/** The rules that hold in the directory at a path without links, gathered on the way from the root. */
export function rulesDownTo(root: MemoryDirectory, relative: string): IgnoreRules {
  let rules = rulesIn(root, '', NOTHING);
  let directory = root;
  let at = '';
  for (const name of relative === '' ? [] : relative.split('/')) {
    const next = directory.entries.get(name);
    if (next?.kind !== 'directory') break;
    at = at === '' ? name : `${at}/${name}`;
    directory = next;
    rules = rulesIn(directory, at, rules);
  }
  return rules;
}

/** Whether git would ignore what has this path, itself or with a directory above it. */
export function isIgnored(root: MemoryDirectory, path: string, isDirectory: boolean): boolean {
  const names = path.split('/');
  if (names.includes('.git')) return true;
  return names.some((_name, index) => {
    const above = names.slice(0, index).join('/');
    const below = names.slice(0, index + 1).join('/');
    return rulesDownTo(root, above).ignores(below, index < names.length - 1 || isDirectory);
  });
}
