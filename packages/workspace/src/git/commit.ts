import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type GitCommitRequest, type GitCommitResult, ShadowError } from '@shadow/protocol';
import { DEFAULT_AUTHOR, type Identity, requireMessage, storableAuthor } from './commit-rules.ts';
import { type GitScope, readGitFile, repositoryPath } from './git-scope.ts';
import { currentBranch, resolveCommit } from './revisions.ts';
import { repositorySettings, runGit } from './run-git.ts';

/**
 * Commits what changed in the working tree, untracked files included, or only the given paths of it.
 *
 * @throws ShadowError NOTHING_TO_COMMIT, VALIDATION_FAILED for a message or an author of nothing but space
 */
export async function commitChanges(
  scope: GitScope,
  request: GitCommitRequest,
  signal: AbortSignal | undefined,
): Promise<GitCommitResult> {
  requireMessage(request);
  const author = await authorOf(scope, request, signal);
  const selected = selection(scope, request.paths);
  await stage(scope, selected, signal);
  const staged = (
    await listNames(scope, ['diff', '--cached', '--name-only', '--no-renames', '-z'], signal)
  ).filter(selected);
  const merging = (await readGitFile(scope, 'MERGE_HEAD')) !== undefined;
  if (staged.length === 0 && !merging) throw new ShadowError('NOTHING_TO_COMMIT', 'Nothing has changed.');
  await writeCommit(scope, request, author, staged, signal);
  return {
    commit: await resolveCommit(scope, 'HEAD', signal),
    branch: await currentBranch(scope, signal),
    filesChanged: staged.length,
  };
}

/** Names as git has them: bytes, held in a string one character each, so that any name survives. */
type RawName = string;

async function listNames(
  scope: GitScope,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<RawName[]> {
  const { stdout } = await runGit(scope, { args, signal });
  return stdout
    .toString('latin1')
    .split('\0')
    .filter((name) => name !== '');
}

function selection(scope: GitScope, paths: readonly string[] | undefined): (name: RawName) => boolean {
  if (paths === undefined) return () => true;
  const wanted = paths.map((path) => Buffer.from(repositoryPath(scope.root, path)).toString('latin1'));
  return (name) => wanted.some((path) => path === '' || name === path || name.startsWith(`${path}/`));
}

/** `update-index` and not `add`: that would run git inside submodules, with their own config. */
async function stage(
  scope: GitScope,
  selected: (name: RawName) => boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  const differing = ['diff-files', '-z', '--name-status', '--no-renames', '--ignore-submodules=dirty'];
  const states = await listNames(scope, differing, signal);
  const removed = states.filter((_name, index) => states[index - 1] === 'D' && index % 2 === 1);
  const changed = states.filter((_name, index) => states[index - 1] !== 'D' && index % 2 === 1);
  const untracked = await listNames(scope, ['ls-files', '-z', '--others', '--exclude-standard'], signal);
  // A name that ends in a slash is a repository inside this one: its files are its own.
  const added = [...changed, ...untracked].filter((name) => !name.endsWith('/'));
  // Removals first: a directory may have taken a file's place.
  await updateIndex(scope, ['--force-remove'], removed.filter(selected), signal);
  await updateIndex(scope, ['--add', '--remove', '--replace'], added.filter(selected), signal);
}

async function updateIndex(
  scope: GitScope,
  options: readonly string[],
  names: readonly RawName[],
  signal: AbortSignal | undefined,
): Promise<void> {
  if (names.length === 0) return;
  const input = Buffer.from(`${[...new Set(names)].join('\0')}\0`, 'latin1');
  await runGit(scope, { args: ['update-index', '-z', ...options, '--stdin'], input, signal });
}

async function writeCommit(
  scope: GitScope,
  request: GitCommitRequest,
  author: { name: string; email: string },
  staged: readonly RawName[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const environment = {
    GIT_AUTHOR_NAME: author.name,
    GIT_AUTHOR_EMAIL: author.email,
    GIT_COMMITTER_NAME: author.name,
    GIT_COMMITTER_EMAIL: author.email,
  };
  const args = [
    'commit',
    '--quiet',
    '--no-verify',
    '--no-gpg-sign',
    '--no-status',
    '--cleanup=whitespace',
    '--file=-',
  ];
  const common = { input: request.message, environment, signal };
  if (request.paths === undefined) {
    await runGit(scope, { ...common, args });
    return;
  }
  const scratch = await scope.privateDirectory.scratch();
  try {
    const list = join(scratch, 'paths');
    await writeFile(list, Buffer.from(`${staged.join('\0')}\0`, 'latin1'), { mode: 0o644 });
    await runGit(scope, {
      ...common,
      args: [...args, '--only', `--pathspec-from-file=${list}`, '--pathspec-file-nul'],
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function authorOf(
  scope: GitScope,
  request: GitCommitRequest,
  signal: AbortSignal | undefined,
): Promise<Identity> {
  if (request.author === undefined) {
    const settings = await repositorySettings(scope, signal);
    return {
      name: settings.userName ?? DEFAULT_AUTHOR.name,
      email: settings.userEmail ?? DEFAULT_AUTHOR.email,
    };
  }
  return storableAuthor(request.author);
}
