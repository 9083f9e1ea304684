import {
  type GitCloneRequest,
  type GitCloneResult,
  type GitRestoreRequest,
  ShadowError,
} from '@shadow/protocol';
import { allowedScheme, noRevision, throwIfCancelled } from '@shadow/workspace/semantics';
import type { MemoryTree } from '../tree/memory-tree.ts';
import { checkName, writeOut } from './checkout.ts';
import { readBundle } from './memory-bundle.ts';
import type { MemoryRemotes } from './memory-remotes.ts';
import { type MemoryCommit, MemoryRepository } from './memory-repository.ts';
import { compare } from './snapshots.ts';

/** Where the repository of a tree is kept. */
export interface RepositoryPlace {
  readonly tree: MemoryTree;
  find(): MemoryRepository | undefined;
  put(repository: MemoryRepository): void;
}

interface Source {
  commits: readonly MemoryCommit[];
  branches: ReadonlyMap<string, string>;
  base: string;
  commit: string | undefined;
}

/** Clones from a simulated server. @throws ShadowError as the engine does */
export function cloneFrom(
  place: RepositoryPlace,
  remotes: MemoryRemotes,
  request: GitCloneRequest,
  options: { signal: AbortSignal | undefined; onProgress: ((text: string) => void) | undefined },
): GitCloneResult {
  const { url, branch, originUrl = url, base, commit, credential } = request;
  checkName(branch);
  const finished = finishedClone(place, originUrl, branch);
  if (finished !== undefined) return finished;
  allowedScheme({ cloneFromDisk: false }, url);
  const { repository } = remotes.open(url, credential);
  if (repository.branches.size === 0) {
    throw new ShadowError(
      'BRANCH_NOT_FOUND',
      'The repository has no commits yet. Commit something there first.',
    );
  }
  options.onProgress?.(`Receiving ${repository.reachable().length} commits (simulated).`);
  throwIfCancelled(options.signal);
  const wanted = base ?? repository.branch;
  const commits = wantedCommits(repository, wanted, request);
  const source = { commits, branches: repository.branches, base: wanted, commit };
  return materialize(place, source, originUrl, branch);
}

/** The last of the base's history, or all there is when the start lies further back. */
function wantedCommits(
  repository: MemoryRepository,
  base: string,
  { depth, commit }: GitCloneRequest,
): readonly MemoryCommit[] {
  const all = repository.reachable();
  if (depth === undefined || !repository.hasBranch(base)) return all;
  const recent = repository.log(base).slice(0, depth);
  return commit === undefined || recent.some(({ id }) => id === commit) ? recent : all;
}

/** Makes the repository from a simulated bundle. @throws ShadowError as the engine does */
export async function restoreFrom(
  place: RepositoryPlace,
  { branch, base, commit, originUrl }: GitRestoreRequest,
  content: AsyncIterable<Uint8Array>,
): Promise<GitCloneResult> {
  checkName(branch);
  const finished = finishedClone(place, originUrl, branch);
  if (finished !== undefined) return finished;
  const { commits, branches } = await readBundle(content);
  return materialize(place, { commits, branches: new Map(branches), base, commit }, originUrl, branch);
}

/** @throws ShadowError ALREADY_EXISTS when the workspace holds anything else */
function finishedClone(
  place: RepositoryPlace,
  originUrl: string,
  branch: string,
): GitCloneResult | undefined {
  const repository = place.find();
  if (repository === undefined) {
    if (place.tree.root.entries.size === 0) return undefined;
    throw new ShadowError('ALREADY_EXISTS', 'The workspace is not empty, so nothing can be cloned into it.');
  }
  const { clone } = repository;
  if (clone?.originUrl === originUrl && clone.branch === branch && repository.hasBranch(branch)) {
    return { baseBranch: clone.baseBranch, baseCommit: clone.baseCommit, branch };
  }
  throw new ShadowError('ALREADY_EXISTS', 'The workspace holds another repository already.');
}

function materialize(
  place: RepositoryPlace,
  { commits, branches, base, commit }: Source,
  originUrl: string,
  branch: string,
): GitCloneResult {
  const repository = new MemoryRepository(branch);
  repository.adopt(commits);
  const tip = branches.get(base);
  if (tip === undefined) throw noRevision(base);
  const start = repository.find(commit ?? tip);
  if (start === undefined || !repository.reaches(tip, start.id)) throw noRevision(commit ?? base);
  for (const change of compare(new Map(), start.files)) writeOut(place.tree, change);
  repository.setBranch(branch, start.id);
  repository.clone = { originUrl, branch, baseBranch: base, baseCommit: start.id };
  place.put(repository);
  return { baseBranch: base, baseCommit: start.id, branch };
}
