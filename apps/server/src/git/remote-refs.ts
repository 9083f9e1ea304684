import { constants } from 'node:os';
import { ShadowError } from '@shadow/protocol';
import { simpleGit } from 'simple-git';
import { diagnose } from './diagnose.ts';
import { type GitEnvironment, type GitOutput, gitMissing, QUIET } from './git-command.ts';
import type { RepositorySource } from './repository-source.ts';

/** What a repository says of itself. */
export interface RemoteRefs {
  /** Name of the branch that HEAD points at; null for an empty repository. */
  defaultBranch: string | null;
  /** Commits by branch name. */
  branches: Map<string, string>;
}

const TIMEOUT_MS = 60_000;
/** simple-git refuses what could make git run something; these are our own fixed values, which see to the opposite. */
const OUR_OWN = {
  allowUnsafeAskPass: true,
  allowUnsafeConfigPaths: true,
  allowUnsafeProtocolOverride: true,
  allowUnsafeSshCommand: true,
} as const;

/**
 * Asks a repository for its branches, as `git ls-remote` does.
 * @param environment decides whose access it is asked with
 * @throws ShadowError REPOSITORY_NOT_FOUND, REPOSITORY_ACCESS_DENIED, REPOSITORY_UNREACHABLE, GIT_MISSING, CANCELLED,
 *   TIMEOUT
 */
export async function readRemoteRefs(
  environment: GitEnvironment,
  source: RepositorySource,
  cancelled?: AbortSignal,
): Promise<RemoteRefs> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const signal = cancelled === undefined ? timeout : AbortSignal.any([cancelled, timeout]);
  signal.throwIfAborted();
  // The answer is not waited for once nobody wants it: an ssh of git's may hold its pipes for a while yet.
  const output = await Promise.race([listRemote(environment, source.url, signal), aborted(signal)]);
  if (timeout.aborted) throw new ShadowError('TIMEOUT', `${source.name} did not answer in time.`);
  if (output === 'aborted') throw new ShadowError('CANCELLED', 'git was stopped.');
  if (output.exitCode === -constants.errno.ENOENT) throw gitMissing();
  if (output.exitCode !== 0) throw await diagnose(environment, source, output);
  return parseRefs(output.stdout);
}

/** Runs it to its end, whatever that is: the exit code and git's words say what came of it. */
async function listRemote(environment: GitEnvironment, url: string, signal: AbortSignal): Promise<GitOutput> {
  const variables = { ...environment.variables, ...QUIET };
  const output: GitOutput = { exitCode: 0, stdout: '', stderr: '' };
  const git = simpleGit({
    abort: signal,
    config: ['protocol.ext.allow=never', 'http.lowSpeedLimit=1', 'http.lowSpeedTime=60'],
    unsafe: OUR_OWN,
    allowEnvironment: Object.keys(variables),
    errors: (error, result) => {
      // A program that could not be started "exits" with the negative error number.
      output.exitCode = result.exitCode;
      output.stderr = Buffer.concat(result.stdErr).toString('utf8');
      return error;
    },
  }).env(variables);
  try {
    output.stdout = await git.listRemote(['--symref', '--', url, 'HEAD', 'refs/heads/*']);
  } catch (error) {
    if (output.exitCode === 0 && !signal.aborted) throw error;
  }
  return output;
}

function aborted(signal: AbortSignal): Promise<'aborted'> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve('aborted'), { once: true });
  });
}

/** Parses `git ls-remote --symref`: "ref: refs/heads/main\tHEAD" and "<commit>\t<ref>" lines. */
function parseRefs(stdout: string): RemoteRefs {
  const branches = new Map<string, string>();
  let defaultBranch: string | null = null;
  let head: string | undefined;
  for (const line of stdout.split('\n')) {
    const [left, ref] = line.split('\t');
    if (left === undefined || ref === undefined) continue;
    if (left.startsWith('ref: refs/heads/') && ref === 'HEAD')
      defaultBranch = left.slice('ref: refs/heads/'.length);
    else if (ref === 'HEAD') head = left;
    else if (ref.startsWith('refs/heads/')) branches.set(ref.slice('refs/heads/'.length), left);
  }
  // A detached HEAD names no branch: take one that stands at its commit, else the first.
  defaultBranch ??=
    [...branches].find(([, commit]) => commit === head)?.[0] ?? [...branches.keys()][0] ?? null;
  return { defaultBranch, branches };
}
