import {
  type GitBundle,
  GitBundleRequest,
  GitCheckoutRequest,
  GitCloneRequest,
  GitCommitRequest,
  type GitCommitResult,
  GitDiffRequest,
  type GitDiffResult,
  GitLogRequest,
  type GitLogResult,
  type GitOperations,
  GitPushRequest,
  GitRestoreRequest,
  type GitStatusResult,
  ShadowError,
} from '@shadow/protocol';
import {
  attempt,
  componentsFromRoot,
  DEFAULT_AUTHOR,
  noRevision,
  operation,
  outside,
  PatchSplitter,
  requireMessage,
  storableAuthor,
} from '@shadow/workspace/semantics';
import type { MemoryTree } from '../tree/memory-tree.ts';
import { checkoutBranch } from './checkout.ts';
import { writeBundle } from './memory-bundle.ts';
import { cloneFrom, type RepositoryPlace, restoreFrom } from './memory-clone.ts';
import { pushTo } from './memory-push.ts';
import type { MemoryRemotes } from './memory-remotes.ts';
import type { MemoryRepository } from './memory-repository.ts';
import { compare, findRenames, type Snapshot, type TreeChange, workingSnapshot } from './snapshots.ts';
import { isBinaryBlob, unifiedPatch } from './unified-patch.ts';

const DEFAULT_PATCH_BYTES = 1024 * 1024;
const DEFAULT_LOG = 50;

/** Git operations on a tree in memory; the index is always HEAD's. @param remotes what it can clone from and push to */
export function createMemoryGit(place: RepositoryPlace, remotes: MemoryRemotes): GitOperations {
  const { tree } = place;
  const repository = (): MemoryRepository => {
    const found = place.find();
    if (found !== undefined) return found;
    throw new ShadowError('REPOSITORY_NOT_FOUND', 'The workspace is not a git repository of its own.');
  };
  return {
    gitStatus: (options) => attempt(options, async () => readStatus(tree, repository())),
    gitDiff: (request, options) =>
      operation(GitDiffRequest, request, options, async (parsed) => readDiff(tree, repository(), parsed)),
    gitCommit: (request, options) =>
      operation(GitCommitRequest, request, options, async (parsed) => commit(tree, repository(), parsed)),
    gitLog: (request, options) =>
      operation(GitLogRequest, request, options, async (parsed) => readLog(repository(), parsed)),
    gitCheckout: (request, options) =>
      operation(GitCheckoutRequest, request, options, async (parsed) =>
        checkoutBranch(tree, repository(), parsed),
      ),
    gitClone: (request, options) =>
      operation(GitCloneRequest, request, options, async (parsed, signal) =>
        cloneFrom(place, remotes, parsed, { signal, onProgress: options?.onProgress }),
      ),
    gitRestore: (request, content, options) =>
      operation(GitRestoreRequest, request, options, (parsed) => restoreFrom(place, parsed, content)),
    gitBundle: (request, options) =>
      operation(GitBundleRequest, request, options, async ({ since }) => bundle(repository(), since)),
    gitPush: (request, options) =>
      operation(GitPushRequest, request, options, async (parsed) => pushTo(repository(), remotes, parsed)),
  };
}

function readStatus(tree: MemoryTree, repository: MemoryRepository): GitStatusResult {
  const { head, headFiles, branch } = repository;
  const changes = compare(headFiles, workingSnapshot(tree, headFiles));
  const tracked = changes.filter(({ before }) => before !== undefined);
  const untracked = changes.filter(({ before }) => before === undefined);
  const files = [
    ...tracked.map(({ path, after }) => ({ path, index: '.', workingTree: after === undefined ? 'D' : 'M' })),
    ...untracked.map(({ path }) => ({ path, index: '?', workingTree: '?' })),
  ];
  return { branch, headCommit: head?.id ?? null, files, clean: files.length === 0 };
}

function readDiff(tree: MemoryTree, repository: MemoryRepository, request: GitDiffRequest): GitDiffResult {
  const base = request.base === undefined ? repository.head : repository.find(request.base);
  if (request.base !== undefined && base === undefined) throw noRevision(request.base);
  const isWanted = below(tree, request.path === undefined ? undefined : [request.path]);
  const changes = findRenames(
    compare(base?.files ?? new Map(), workingSnapshot(tree, repository.headFiles)).filter(({ path }) =>
      isWanted(path),
    ),
  );
  const files = changes.map((change) => describeChange(change, request));
  return {
    base: base?.id ?? '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
    files,
    additions: files.reduce((sum, file) => sum + file.additions, 0),
    deletions: files.reduce((sum, file) => sum + file.deletions, 0),
  };
}

function describeChange(change: TreeChange, request: GitDiffRequest): GitDiffResult['files'][number] {
  const common = {
    path: change.path,
    ...(change.oldPath === undefined ? {} : { oldPath: change.oldPath }),
    status: statusOf(change),
  };
  if (isBinaryBlob(change.before) || isBinaryBlob(change.after)) {
    return { ...common, additions: 0, deletions: 0, binary: true, patch: '', truncated: false };
  }
  const { text, additions, deletions } = unifiedPatch(change, request.contextLines ?? 3);
  const splitter = new PatchSplitter(request.maxPatchBytes ?? DEFAULT_PATCH_BYTES, Number.POSITIVE_INFINITY);
  splitter.push(Buffer.from(text));
  const { text: patch, truncated } = splitter.end()[0] ?? { text: '', truncated: false };
  return { ...common, additions, deletions, binary: false, patch, truncated };
}

function statusOf({ before, after, oldPath }: TreeChange): GitDiffResult['files'][number]['status'] {
  if (oldPath !== undefined) return 'renamed';
  if (before === undefined) return 'added';
  if (after === undefined) return 'deleted';
  return (before.mode === '120000') === (after.mode === '120000') ? 'modified' : 'type-changed';
}

function commit(tree: MemoryTree, repository: MemoryRepository, request: GitCommitRequest): GitCommitResult {
  requireMessage(request);
  const author = request.author === undefined ? DEFAULT_AUTHOR : storableAuthor(request.author);
  const isWanted = below(tree, request.paths);
  const { headFiles } = repository;
  const changes = compare(headFiles, workingSnapshot(tree, headFiles)).filter(({ path }) => isWanted(path));
  if (changes.length === 0) throw new ShadowError('NOTHING_TO_COMMIT', 'Nothing has changed.');
  const made = repository.commit(applied(headFiles, changes), author, request.message.trim());
  return { commit: made.id, branch: repository.branch, filesChanged: changes.length };
}

function applied(files: Snapshot, changes: readonly TreeChange[]): Snapshot {
  const next = new Map(files);
  for (const { path, after } of changes) {
    if (after === undefined) next.delete(path);
    else next.set(path, after);
  }
  return new Map([...next].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function readLog(repository: MemoryRepository, request: GitLogRequest): GitLogResult {
  if (request.revision === undefined && repository.head === undefined) return { commits: [] };
  const commits = repository.log(request.revision ?? 'HEAD').slice(0, request.limit ?? DEFAULT_LOG);
  return {
    commits: commits.map(({ id, parents, author, message, authoredAt }) => ({
      commit: id,
      parents: [...parents],
      authorName: author.name,
      authorEmail: author.email,
      authoredAt,
      subject: message.split('\n\n', 1)[0]?.replaceAll('\n', ' ') ?? '',
    })),
  };
}

function bundle(repository: MemoryRepository, since: string): GitBundle {
  if (repository.find(since) === undefined) throw noRevision(since);
  const commits = repository.reachable(since);
  const content = async function* (): AsyncGenerator<Uint8Array> {
    if (commits.length > 0) yield writeBundle(repository, commits);
  };
  return { commits: commits.length, content: content() };
}

/** Whether a path is one of these or below one; `..` is resolved by its letters, since the file may be deleted. */
function below(tree: MemoryTree, paths: readonly string[] | undefined): (path: string) => boolean {
  if (paths === undefined) return () => true;
  const wanted = paths.map((path) => {
    const kept: string[] = [];
    for (const component of componentsFromRoot(tree.rootPath, path)) {
      if (component !== '..') kept.push(component);
      else if (kept.pop() === undefined) throw outside(path);
    }
    return kept.join('/');
  });
  return (path) => wanted.some((want) => want === '' || path === want || path.startsWith(`${want}/`));
}
