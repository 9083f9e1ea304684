import {
  GitBundleRequest,
  GitCheckoutRequest,
  GitCloneRequest,
  GitCommitRequest,
  GitDiffRequest,
  GitLogRequest,
  type GitOperations,
  GitPushRequest,
  GitRestoreRequest,
} from '@shadow/protocol';
import type { WorkspaceContext } from '../context.ts';
import { PathLocks } from '../files/path-locks.ts';
import { attempt, operation } from '../operation.ts';
import type { Confinement } from '../security/paths.ts';
import { bundleWork } from './bundle.ts';
import { checkoutBranch } from './checkout.ts';
import { cloneRepository } from './clone.ts';
import { commitChanges } from './commit.ts';
import { readDiff } from './diff.ts';
import type { GitScope } from './git-scope.ts';
import { readLog } from './log.ts';
import { PrivateGitDirectory } from './private-directory.ts';
import { pushBranch } from './push.ts';
import { restoreRepository } from './restore.ts';
import { readStatus } from './status.ts';

/**
 * Git operations on one workspace. Disposing removes what they keep outside of it.
 *
 * @param context the workspace
 * @param confinement its path confinement
 */
export function createGitOperations(
  context: WorkspaceContext,
  confinement: Confinement,
): GitOperations & AsyncDisposable {
  const privateDirectory = new PrivateGitDirectory(context.root, context.runAs);
  const { root, runAs, environment, isolation, cloneFromDisk = false } = context;
  const scope: GitScope = {
    root,
    confinement,
    runAs,
    environment,
    privateDirectory,
    isolation,
    cloneFromDisk,
  };
  // Git holds one lock for the index: our own calls wait for each other instead of failing on it.
  const locks = new PathLocks();
  return {
    gitStatus: (options) => attempt(options, (signal) => readStatus(scope, signal)),
    gitDiff: (request, options) =>
      operation(GitDiffRequest, request, options, (parsed, signal) => readDiff(scope, parsed, signal)),
    gitCommit: (request, options) =>
      operation(GitCommitRequest, request, options, (parsed, signal) =>
        locks.run('index', () => commitChanges(scope, parsed, signal)),
      ),
    gitLog: (request, options) =>
      operation(GitLogRequest, request, options, (parsed, signal) => readLog(scope, parsed, signal)),
    gitCheckout: (request, options) =>
      operation(GitCheckoutRequest, request, options, (parsed, signal) =>
        locks.run('index', () => checkoutBranch(scope, parsed, signal)),
      ),
    gitClone: (request, options) =>
      operation(GitCloneRequest, request, options, (parsed, signal) =>
        locks.run('index', () => cloneRepository(scope, parsed, { signal, onProgress: options?.onProgress })),
      ),
    gitRestore: (request, content, options) =>
      operation(GitRestoreRequest, request, options, (parsed, signal) =>
        locks.run('index', () => restoreRepository(scope, parsed, content, signal)),
      ),
    gitBundle: (request, options) =>
      operation(GitBundleRequest, request, options, (parsed, signal) => bundleWork(scope, parsed, signal)),
    gitPush: (request, options) =>
      operation(GitPushRequest, request, options, (parsed, signal) => pushBranch(scope, parsed, signal)),
    [Symbol.asyncDispose]: () => privateDirectory[Symbol.asyncDispose](),
  };
}
