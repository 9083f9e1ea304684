import { resolve } from 'node:path';
import { SAMPLE_REPOSITORY } from '@shadow/protocol';

/** `https://…`, `ssh://…`, `git://…`, `file://…`. */
const URL_LIKE = /^[a-z][a-z0-9+.-]*:\/\//i;
/** scp's way of writing ssh: `git@host:team/app.git`. */
const SCP_LIKE = /^[^/\\\s]+@[^/\\\s:]+:/;

/**
 * What a task is created with for what a person typed: URLs and "sample" as they are, anything else is a path.
 *
 * @param cwd directory that relative paths are relative to
 */
export function repositorySource(typed: string, cwd: string): string {
  if (typed === SAMPLE_REPOSITORY || URL_LIKE.test(typed) || SCP_LIKE.test(typed)) return typed;
  return resolve(cwd, typed);
}
