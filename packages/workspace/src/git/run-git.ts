import { type ChildProcess, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ShadowError } from '@shadow/protocol';
import { cancelled, throwIfCancelled } from '../operation.ts';
import { errnoOf } from '../security/path-errors.ts';
import { harmlessSettings, type RepositorySettings } from './config.ts';
import { type GitScope, readGitFile } from './git-scope.ts';

/** Git on one workspace never takes so long unless it hangs. */
const TIMEOUT_MS = 300_000;
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
const MAX_ERROR_BYTES = 64 * 1024;

/** Settings of every git that we run, above all files (git-config(1)). */
const HARDENING: readonly string[] = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.attributesFile=/dev/null',
  'core.excludesFile=/dev/null',
  'core.pager=cat',
  'core.editor=false',
  'core.askPass=',
  'core.sshCommand=false',
  'core.untrackedCache=false',
  'credential.helper=',
  'protocol.allow=never',
  'protocol.ext.allow=never',
  'commit.gpgSign=false',
  'tag.gpgSign=false',
  'gpg.program=false',
  'log.showSignature=false',
  'diff.ignoreSubmodules=dirty',
  'submodule.recurse=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'safe.directory=*',
];

/** Variables of the workspace's environment that git is given. */
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'TZ'];

export interface GitRun {
  args: readonly string[];
  input?: string | Buffer;
  /** Added to the environment; names a temporary index, an author. */
  environment?: Readonly<Record<string, string>>;
  signal: AbortSignal | undefined;
  /** Exit codes that are answers; default 0 alone. */
  accept?: readonly number[];
  /** Receives standard output instead of the result. */
  onOutput?: (chunk: Buffer) => void;
}

export interface GitOutput {
  exitCode: number;
  stdout: Buffer;
}

/**
 * Runs git on the workspace as its user, with nothing of the workspace able to run inside it: the repository's config
 * is replaced (see PrivateGitDirectory), hooks, helpers and prompts are off, and so are the machine's and the user's
 * own settings.
 *
 * @throws ShadowError GIT_MISSING, REPOSITORY_NOT_FOUND, GIT_FAILED (in git's own words), CANCELLED, TIMEOUT
 */
export async function runGit(scope: GitScope, run: GitRun): Promise<GitOutput> {
  const settings = await repositorySettings(scope, run.signal);
  const commonDirectory = await scope.privateDirectory.path(settings.config);
  return spawnGit(scope, run, {
    GIT_DIR: join(scope.root, '.git'),
    GIT_COMMON_DIR: commonDirectory,
    GIT_WORK_TREE: scope.root,
  });
}

/** Runs git and hands back its output as text. */
export async function gitText(scope: GitScope, run: GitRun): Promise<string> {
  return (await runGit(scope, run)).stdout.toString('utf8');
}

const settingsOfConfig = new WeakMap<GitScope, { config: string; settings: RepositorySettings }>();

/** What of the workspace's config is harmless; read anew whenever the file has changed. */
export async function repositorySettings(
  scope: GitScope,
  signal: AbortSignal | undefined,
): Promise<RepositorySettings> {
  const config = (await readGitFile(scope, 'config'))?.toString('utf8') ?? '';
  const known = settingsOfConfig.get(scope);
  if (known?.config === config) return known.settings;
  // Over standard input git neither follows includes nor knows a repository.
  const args = ['config', '--file', '-', '--no-includes', '--list', '-z'];
  const run = { args, input: config, signal, accept: [0, 128] };
  const listing = await spawnGit(scope, run, { GIT_DIR: '/dev/null' });
  if (listing.exitCode !== 0)
    throw new ShadowError('GIT_FAILED', 'The config of the repository (.git/config) is not valid.');
  const settings = harmlessSettings(listing.stdout.toString('utf8'));
  settingsOfConfig.set(scope, { config, settings });
  return settings;
}

async function spawnGit(
  scope: GitScope,
  run: GitRun,
  location: Readonly<Record<string, string>>,
): Promise<GitOutput> {
  throwIfCancelled(run.signal);
  const { runAs } = scope;
  const child = spawn('git', [...HARDENING.flatMap((setting) => ['-c', setting]), ...run.args], {
    cwd: scope.root,
    env: { ...gitEnvironment(scope), ...location, ...run.environment },
    stdio: ['pipe', 'pipe', 'pipe'],
    // A group of its own, to be ended whole.
    detached: true,
    ...(runAs === undefined ? {} : { uid: runAs.uid, gid: runAs.gid }),
  });
  const { exitCode, stdout, stderr } = await outcomeOf(child, run).catch((thrown) =>
    startFailure(scope, thrown),
  );
  if (!(run.accept ?? [0]).includes(exitCode)) throw gitFailed(run.args[0] ?? '', exitCode, stderr);
  return { exitCode, stdout };
}

function gitEnvironment(scope: GitScope): Record<string, string> {
  const passed = PASSED_ON.flatMap((name) => {
    const value = scope.environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(passed),
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: 'false',
    SSH_ASKPASS: 'false',
    GIT_EDITOR: 'false',
    GIT_PAGER: 'cat',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_LITERAL_PATHSPECS: '1',
    GIT_NO_LAZY_FETCH: '1',
    GIT_ALLOW_PROTOCOL: 'none',
  };
}

async function outcomeOf(
  child: ChildProcess,
  run: GitRun,
): Promise<{ exitCode: number; stdout: Buffer; stderr: string }> {
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  let stopped: ShadowError | undefined;
  const stop = (reason: ShadowError): void => {
    stopped ??= reason;
    killGroup(child);
  };
  const onAbort = (): void => stop(cancelled());
  const timer = setTimeout(
    () => stop(new ShadowError('TIMEOUT', 'Git took too long and was ended.')),
    TIMEOUT_MS,
  );
  run.signal?.addEventListener('abort', onAbort, { once: true });
  collect(child.stdout, MAX_OUTPUT_BYTES, run.onOutput ?? ((chunk) => output.push(chunk)), () => {
    if (run.onOutput === undefined)
      stop(new ShadowError('RESOURCE_LIMIT', 'Git answered with too much output.', { retryable: false }));
  });
  collect(
    child.stderr,
    MAX_ERROR_BYTES,
    (chunk) => errors.push(chunk),
    () => {},
  );
  // Git may end before it has read its input.
  child.stdin?.on('error', () => {});
  child.stdin?.end(run.input ?? '');
  try {
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? -1));
    });
    if (stopped !== undefined) throw stopped;
    return { exitCode, stdout: Buffer.concat(output), stderr: Buffer.concat(errors).toString('utf8') };
  } finally {
    clearTimeout(timer);
    run.signal?.removeEventListener('abort', onAbort);
  }
}

function collect(
  stream: NodeJS.ReadableStream | null,
  limit: number,
  keep: (chunk: Buffer) => void,
  onExcess: () => void,
): void {
  let size = 0;
  stream?.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > limit) onExcess();
    if (size <= limit || limit === MAX_OUTPUT_BYTES) keep(chunk);
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

async function startFailure(scope: GitScope, thrown: unknown): Promise<never> {
  if (thrown instanceof ShadowError || errnoOf(thrown) !== 'ENOENT') throw thrown;
  const there = await stat(scope.root).catch(() => undefined);
  if (there === undefined)
    throw new ShadowError('WORKSPACE_LOST', 'The directory of this workspace is gone.');
  throw new ShadowError(
    'GIT_MISSING',
    'Git is not installed (not found on PATH). Install git and try again.',
  );
}

function gitFailed(command: string, exitCode: number, stderr: string): ShadowError {
  const words = stderr.trim().slice(0, 2_000);
  return new ShadowError(
    'GIT_FAILED',
    `git ${command} failed: ${words === '' ? `exit code ${exitCode}` : words}`,
    {
      details: { command, exitCode },
    },
  );
}
