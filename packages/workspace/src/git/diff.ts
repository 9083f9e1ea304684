import { chown, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileDiff, GitDiffRequest, GitDiffResult } from '@shadow/protocol';
import { type GitScope, readGitFile, repositoryPath } from './git-scope.ts';
import { type PatchSection, PatchSplitter } from './patch-splitter.ts';
import { emptyTree, findCommit, resolveCommit } from './revisions.ts';
import { gitText, runGit } from './run-git.ts';

const DEFAULT_PATCH_BYTES = 1024 * 1024;
/** Patch text of a whole answer; files beyond it come without. */
const MAX_TOTAL_BYTES = 32 * 1024 * 1024;

/**
 * Compares the working tree, untracked files included, with a commit. The index is left alone: a copy of it is told of
 * the untracked files, so that git finds renames among them too.
 *
 * @throws ShadowError BRANCH_NOT_FOUND when the base is not there
 */
export async function readDiff(
  scope: GitScope,
  request: GitDiffRequest,
  signal: AbortSignal | undefined,
): Promise<GitDiffResult> {
  const base = await baseOf(scope, request.base, signal);
  const scratch = await scope.privateDirectory.scratch();
  try {
    const environment = { GIT_INDEX_FILE: await indexWithUntracked(scope, scratch, signal) };
    const path = request.path === undefined ? '' : repositoryPath(scope.root, request.path);
    const common = [
      '--no-ext-diff',
      '--no-textconv',
      '--no-color',
      '--find-renames',
      '--ignore-submodules=dirty',
    ];
    const target = [base, '--', ...(path === '' ? [] : [path])];
    const run = { environment, signal };
    const listing = await gitText(scope, {
      ...run,
      args: ['diff', ...common, '--raw', '--numstat', '-z', ...target],
    });
    const files = parseListing(listing);
    const splitter = new PatchSplitter(request.maxPatchBytes ?? DEFAULT_PATCH_BYTES, MAX_TOTAL_BYTES);
    const args = ['diff', ...common, '--patch', `--unified=${request.contextLines ?? 3}`, ...target];
    await runGit(scope, { ...run, args, onOutput: (chunk) => splitter.push(chunk) });
    return withPatches(base, files, splitter.end());
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function baseOf(
  scope: GitScope,
  base: string | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  if (base !== undefined) return resolveCommit(scope, base, signal);
  return (await findCommit(scope, 'HEAD', signal)) ?? (await emptyTree(scope, signal));
}

/** A copy of the index in which untracked and conflicting files are announced as to be added. */
async function indexWithUntracked(
  scope: GitScope,
  scratch: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const copy = join(scratch, 'index');
  const index = await readGitFile(scope, 'index');
  if (index !== undefined) {
    await writeFile(copy, index);
    if (scope.runAs !== undefined) await chown(copy, scope.runAs.uid, scope.runAs.gid);
  }
  const environment = { GIT_INDEX_FILE: copy };
  const names = async (...args: string[]): Promise<string[]> =>
    (await runGit(scope, { args, environment, signal })).stdout
      .toString('latin1')
      .split('\0')
      .filter(Boolean);
  const conflicting = (await names('ls-files', '-z', '--unmerged')).map((entry) =>
    entry.slice(entry.indexOf('\t') + 1),
  );
  if (conflicting.length > 0) {
    const input = list(conflicting);
    await runGit(scope, {
      args: ['update-index', '-z', '--force-remove', '--stdin'],
      input,
      environment,
      signal,
    });
  }
  const untracked = (await names('ls-files', '-z', '--others', '--exclude-standard')).filter(
    (name) => !name.endsWith('/'),
  );
  if (untracked.length > 0) {
    const args = ['add', '--intent-to-add', '--pathspec-from-file=-', '--pathspec-file-nul'];
    await runGit(scope, { args, input: list(untracked), environment, signal });
  }
  return copy;
}

function list(names: Iterable<string>): Buffer {
  return Buffer.from(`${[...new Set(names)].join('\0')}\0`, 'latin1');
}

type ListedFile = Omit<FileDiff, 'patch' | 'truncated'>;

const STATUS: Readonly<Record<string, FileDiff['status']>> = {
  A: 'added',
  C: 'copied',
  D: 'deleted',
  M: 'modified',
  R: 'renamed',
  T: 'type-changed',
};

/** Parses `--raw --numstat -z` (git-diff(1), "Raw output format"): all raw records, then all counts, in one order. */
function parseListing(output: string): ListedFile[] {
  const fields = output.split('\0');
  const files: ListedFile[] = [];
  let at = 0;
  for (; fields[at]?.startsWith(':'); at += 1) {
    const letter = (fields[at] ?? '').split(' ').at(-1)?.charAt(0) ?? 'M';
    const first = fields[at + 1] ?? '';
    const second = letter === 'R' || letter === 'C' ? fields[at + 2] : undefined;
    at += second === undefined ? 1 : 2;
    files.push({
      path: second ?? first,
      ...(second === undefined ? {} : { oldPath: first }),
      status: STATUS[letter] ?? 'modified',
      additions: 0,
      deletions: 0,
      binary: false,
    });
  }
  for (const file of files) {
    const [added, deleted] = (fields[at] ?? '').split('\t');
    file.binary = added === '-';
    file.additions = file.binary ? 0 : Number(added);
    file.deletions = file.binary ? 0 : Number(deleted);
    at += file.oldPath === undefined ? 1 : 3;
  }
  return files;
}

function withPatches(
  base: string,
  listed: readonly ListedFile[],
  sections: readonly PatchSection[],
): GitDiffResult {
  let next = 0;
  const files = listed.map((file): FileDiff => {
    // A change of type is shown as a deletion and an addition.
    const own = sections.slice(next, next + (file.status === 'type-changed' ? 2 : 1));
    next += own.length;
    if (file.binary) return { ...file, patch: '', truncated: false };
    return {
      ...file,
      patch: own.map((section) => section.text).join(''),
      truncated: own.some((section) => section.truncated),
    };
  });
  return {
    base,
    files,
    additions: files.reduce((sum, file) => sum + file.additions, 0),
    deletions: files.reduce((sum, file) => sum + file.deletions, 0),
  };
}
