import { type GitCheckoutRequest, type GitCheckoutResult, ShadowError } from '@shadow/protocol';
import { noRevision } from '@shadow/workspace/semantics';
import type { MemoryTree } from '../tree/memory-tree.ts';
import { newFile, newLink } from '../tree/nodes.ts';
import type { MemoryCommit, MemoryRepository } from './memory-repository.ts';
import { compare, isSameBlob, type Snapshot, type TreeChange, workingSnapshot } from './snapshots.ts';

/**
 * Switches to a branch, made at `createFrom` where it is not there yet.
 *
 * @throws ShadowError BRANCH_NOT_FOUND, VALIDATION_FAILED for a name git does not allow, GIT_CONFLICT when local changes
 *   are in the way
 */
export function checkoutBranch(
  tree: MemoryTree,
  repository: MemoryRepository,
  request: GitCheckoutRequest,
): GitCheckoutResult {
  const { branch } = request;
  checkName(branch);
  const target = targetOf(repository, request);
  const changes = compare(repository.headFiles, target.files);
  refuseLoss(tree, repository.headFiles, changes);
  for (const change of changes) writeOut(tree, change);
  if (!repository.hasBranch(branch)) repository.setBranch(branch, target.id);
  repository.branch = branch;
  return { branch, headCommit: target.id };
}

function targetOf(repository: MemoryRepository, { branch, createFrom }: GitCheckoutRequest): MemoryCommit {
  const revision = repository.hasBranch(branch) ? branch : createFrom;
  const found = revision === undefined ? undefined : repository.find(revision);
  if (found === undefined) throw noRevision(revision ?? branch);
  return found;
}

/** The rules of git-check-ref-format(1). */
export function checkName(branch: string): void {
  const isBad =
    branch.startsWith('-') ||
    branch === '@' ||
    /\.\.|@\{|\/\/|[\s~^:?*[\\\u007f]|^\/|[/.]$/.test(branch) ||
    branch.split('/').some((part) => part.startsWith('.') || part.endsWith('.lock'));
  if (!isBad) return;
  const reason = 'is not a name that git allows for a branch';
  throw new ShadowError('VALIDATION_FAILED', `The request is not valid. branch: ${reason}`, {
    details: { issues: [{ field: 'branch', reason }] },
  });
}

/** A file that would be changed must be as HEAD has it, or already as the target has it. */
function refuseLoss(tree: MemoryTree, headFiles: Snapshot, changes: readonly TreeChange[]): void {
  const working = workingSnapshot(tree, headFiles);
  const lost = changes.filter(({ path, before, after }) => {
    const present = working.get(path);
    return !isSameBlob(present, before) && !isSameBlob(present, after);
  });
  if (lost.length === 0) return;
  const names = lost.map(({ path }) => path).slice(0, 20);
  throw new ShadowError(
    'GIT_CONFLICT',
    `Local changes of ${names.join(', ')} would be overwritten by the checkout. Commit them first.`,
  );
}

/** Brings one file of the tree to what a commit holds. */
export function writeOut(tree: MemoryTree, { path, after }: TreeChange): void {
  if (after === undefined) {
    removeFile(tree, path);
    return;
  }
  const place = tree.resolve(path, { follow: false, createParents: true });
  const mode = after.mode === '100755' ? 0o755 : 0o644;
  tree.put(
    place,
    after.mode === '120000' ? newLink(after.bytes.toString('utf8')) : newFile(after.bytes, mode),
  );
}

/** Removes a file, and the directories that are empty then, as git does. */
function removeFile(tree: MemoryTree, path: string): void {
  const place = tree.resolve(path, { follow: false });
  if (place.node === undefined) return;
  tree.remove(place);
  const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
  if (parent !== '' && place.directory.entries.size === 0) removeFile(tree, parent);
}
