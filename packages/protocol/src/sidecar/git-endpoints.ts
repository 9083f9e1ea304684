import * as z from 'zod';
import { OperationError } from '../errors.ts';
import {
  GitBundleRequest,
  GitCheckoutRequest,
  GitCheckoutResult,
  GitCloneRequest,
  GitCloneResult,
  GitCommitRequest,
  GitCommitResult,
  GitDiffRequest,
  GitDiffResult,
  GitLogRequest,
  GitLogResult,
  GitPushRequest,
  GitPushResult,
  GitRestoreRequest,
  GitStatusResult,
} from '../operations/git.ts';
import { defineSidecarEndpoint } from './endpoint.ts';

/** How many commits a bundle holds, beside its bytes. */
export const GIT_COMMITS_HEADER = 'x-git-commits';

/** An event of a clone under way; the name of the server-sent event is its type. */
export const GitCloneEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), text: z.string() }),
  z.object({ type: z.literal('result'), result: GitCloneResult }),
  z.object({ type: z.literal('error'), error: OperationError }),
  z.object({ type: z.literal('heartbeat') }),
]);
export type GitCloneEvent = z.infer<typeof GitCloneEvent>;

const none = z.object({});
const noBody = z.undefined();
const call = { params: none, query: none, status: 200, public: false, answer: 'json' } as const;
const post = { ...call, method: 'post' } as const;
const get = { ...call, method: 'get', effect: 'read', body: noBody } as const;

/** Git in the workspace. */
export const gitEndpoints = {
  gitStatus: defineSidecarEndpoint({
    ...get,
    operationId: 'gitStatus',
    path: '/api/git/status',
    tag: 'Git',
    summary: 'Branch, head and changed files',
    response: GitStatusResult,
  }),
  gitDiff: defineSidecarEndpoint({
    ...post,
    effect: 'read',
    operationId: 'gitDiff',
    path: '/api/git/diff',
    tag: 'Git',
    summary: 'Changes against a commit, per file',
    body: GitDiffRequest,
    response: GitDiffResult,
  }),
  gitCommit: defineSidecarEndpoint({
    ...post,
    effect: 'write',
    operationId: 'gitCommit',
    path: '/api/git/commit',
    tag: 'Git',
    summary: 'Commit changes',
    body: GitCommitRequest,
    response: GitCommitResult,
  }),
  gitLog: defineSidecarEndpoint({
    ...post,
    effect: 'read',
    operationId: 'gitLog',
    path: '/api/git/log',
    tag: 'Git',
    summary: 'Commits',
    body: GitLogRequest,
    response: GitLogResult,
  }),
  gitCheckout: defineSidecarEndpoint({
    ...post,
    effect: 'converging-write',
    operationId: 'gitCheckout',
    path: '/api/git/checkout',
    tag: 'Git',
    summary: 'Switch to a branch, keeping the one left',
    body: GitCheckoutRequest,
    response: GitCheckoutResult,
  }),
  gitClone: defineSidecarEndpoint({
    ...post,
    effect: 'converging-write',
    answer: 'events',
    operationId: 'gitClone',
    path: '/api/git/clone',
    tag: 'Git',
    summary:
      'Clone into the empty workspace; ends when the caller goes away. Server-sent events: progress, heartbeat, then result or error',
    body: GitCloneRequest,
    response: GitCloneEvent,
  }),
  gitRestore: defineSidecarEndpoint({
    ...post,
    method: 'put',
    effect: 'converging-write',
    operationId: 'gitRestore',
    path: '/api/git/bundle',
    tag: 'Git',
    summary: 'Make the repository in the empty workspace from the body, a bundle (application/octet-stream)',
    query: GitRestoreRequest,
    body: noBody,
    response: GitCloneResult,
  }),
  gitBundle: defineSidecarEndpoint({
    ...post,
    effect: 'read',
    answer: 'bytes',
    operationId: 'gitBundle',
    path: '/api/git/bundle-of',
    tag: 'Git',
    summary:
      'HEAD and branches as a bundle, without what a commit reaches; X-Git-Commits counts what is in it',
    body: GitBundleRequest,
    response: noBody,
  }),
  gitPush: defineSidecarEndpoint({
    ...post,
    effect: 'converging-write',
    operationId: 'gitPush',
    path: '/api/git/push',
    tag: 'Git',
    summary: 'Push a branch',
    body: GitPushRequest,
    response: GitPushResult,
  }),
} as const;
