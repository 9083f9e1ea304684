import type { GitStatusResult } from '@shadow/protocol';
import type { GitScope } from './git-scope.ts';
import { gitText } from './run-git.ts';

type StatusFile = GitStatusResult['files'][number];

/** Says what differs between HEAD, index and working tree, untracked files each by name. */
export async function readStatus(scope: GitScope, signal: AbortSignal | undefined): Promise<GitStatusResult> {
  const args = [
    'status',
    '--porcelain=v2',
    '-z',
    '--branch',
    '--untracked-files=all',
    '--ignore-submodules=dirty',
  ];
  return parseStatus(await gitText(scope, { args: [...args, '--renames'], signal }));
}

/**
 * Parses porcelain v2 with NUL separators (git-status(1), "Porcelain Format Version 2").
 *
 * @param output what git wrote
 */
export function parseStatus(output: string): GitStatusResult {
  const fields = output.split('\0');
  const files: StatusFile[] = [];
  let branch: string | null = null;
  let headCommit: string | null = null;
  for (let index = 0; index < fields.length; index += 1) {
    const field = fields[index] ?? '';
    if (field.startsWith('# branch.oid ')) headCommit = known(field.slice(13), '(initial)');
    else if (field.startsWith('# branch.head ')) branch = known(field.slice(14), '(detached)');
    else if (field.startsWith('1 ')) files.push(entry(field, 8));
    else if (field.startsWith('u ')) files.push(entry(field, 10));
    else if (field.startsWith('? ')) files.push({ path: field.slice(2), index: '?', workingTree: '?' });
    else if (field.startsWith('2 ')) {
      index += 1;
      files.push({ ...entry(field, 9), renamedFrom: fields[index] ?? '' });
    }
  }
  return { branch, headCommit, files, clean: files.length === 0 };
}

function known(value: string, missing: string): string | null {
  return value === missing ? null : value;
}

/** The path follows so many space-separated fields, and may hold spaces itself. */
function entry(field: string, fieldsBefore: number): StatusFile {
  const parts = field.split(' ');
  const states = parts[1] ?? '..';
  return {
    path: parts.slice(fieldsBefore).join(' '),
    index: states.charAt(0),
    workingTree: states.charAt(1),
  };
}
