import { type GitDiffRequest, unwrap } from '@shadow/protocol';
import type { SharedSubject } from './shared-subject.ts';

const AUTHOR = { name: 'Ada', email: 'ada@example.com' };

export const write = async (shared: SharedSubject, path: string, content: string) =>
  unwrap(await shared.executor.writeFile({ path, content }));
export const commit = async (shared: SharedSubject, message: string) =>
  unwrap(await shared.executor.gitCommit({ message, author: AUTHOR }));
export const diff = async (shared: SharedSubject, request: GitDiffRequest = {}) =>
  unwrap(await shared.executor.gitDiff(request));
