import { type GitPushRequest, type GitPushResult, ShadowError } from '@shadow/protocol';
import { allowedScheme, noRevision } from '@shadow/workspace/semantics';
import { checkName } from './checkout.ts';
import type { MemoryRemotes } from './memory-remotes.ts';
import type { MemoryRepository } from './memory-repository.ts';

/** Pushes to a simulated server. @throws ShadowError as the engine does */
export function pushTo(
  repository: MemoryRepository,
  remotes: MemoryRemotes,
  request: GitPushRequest,
): GitPushResult {
  const { branch, remoteBranch = branch, forceWithLease, credential } = request;
  const url = addressOf(request, repository.clone?.originUrl);
  allowedScheme({ cloneFromDisk: false }, url);
  checkName(branch);
  checkName(remoteBranch);
  const commit = repository.branches.get(branch);
  if (commit === undefined) throw noRevision(branch);
  const { repository: target } = remotes.open(url, credential);
  const present = target.branches.get(remoteBranch);
  if (present !== commit && !mayReplace(repository, { present, commit, forceWithLease })) {
    throw new ShadowError('GIT_CONFLICT', `${remoteBranch} holds something else there than was expected.`);
  }
  target.adopt(repository.log(commit));
  target.setBranch(remoteBranch, commit);
  return { commit, created: present === undefined };
}

function mayReplace(
  repository: MemoryRepository,
  {
    present,
    commit,
    forceWithLease,
  }: { present: string | undefined; commit: string; forceWithLease: string | null | undefined },
): boolean {
  if (forceWithLease !== undefined) return forceWithLease === (present ?? null);
  return present === undefined || repository.reaches(commit, present);
}

function addressOf({ url, credential }: GitPushRequest, origin: string | undefined): string {
  if (url !== undefined) return url;
  if (credential === undefined && origin !== undefined) return origin;
  const reason = 'must be given: there is no origin, or one that the workspace could have changed';
  throw new ShadowError('VALIDATION_FAILED', `The request is not valid. url: ${reason}`, {
    details: { issues: [{ field: 'url', reason }] },
  });
}
