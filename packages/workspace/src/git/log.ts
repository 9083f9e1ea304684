import type { GitLogRequest, GitLogResult } from '@shadow/protocol';
import type { GitScope } from './git-scope.ts';
import { findCommit, noRevision } from './revisions.ts';
import { runGit } from './run-git.ts';

const DEFAULT_LIMIT = 50;
const FORMAT = '%H%x00%P%x00%an%x00%ae%x00%aI%x00%s';
const FIELDS = 6;

/**
 * Lists commits, newest first.
 *
 * @throws ShadowError BRANCH_NOT_FOUND for a revision that is not there
 */
export async function readLog(
  scope: GitScope,
  request: GitLogRequest,
  signal: AbortSignal | undefined,
): Promise<GitLogResult> {
  const revision = request.revision ?? 'HEAD';
  if (request.revision === undefined && (await findCommit(scope, 'HEAD', signal)) === undefined) {
    return { commits: [] };
  }
  const options = ['-z', `--format=${FORMAT}`, '--encoding=UTF-8', '--no-show-signature', '--no-color'];
  const args = [
    'log',
    ...options,
    `--max-count=${request.limit ?? DEFAULT_LIMIT}`,
    '--end-of-options',
    revision,
    '--',
  ];
  const { exitCode, stdout } = await runGit(scope, { args, signal, accept: [0, 128] });
  if (exitCode !== 0) throw noRevision(revision);
  return { commits: parseLog(stdout.toString('utf8')) };
}

function parseLog(output: string): GitLogResult['commits'] {
  const fields = output.split('\0');
  const commits: GitLogResult['commits'] = [];
  for (let at = 0; at + FIELDS <= fields.length; at += FIELDS) {
    const [commit, parents, authorName, authorEmail, authoredAt, subject] = fields.slice(at, at + FIELDS);
    commits.push({
      commit: commit ?? '',
      parents: (parents ?? '').split(' ').filter((parent) => parent !== ''),
      authorName: authorName ?? '',
      authorEmail: authorEmail ?? '',
      authoredAt: authoredAt ?? '',
      subject: subject ?? '',
    });
  }
  return commits;
}
