import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ShadowError } from '@shadow/protocol';

/** How git is run by the server itself: on mirrors it owns, never on configuration that a workspace controls. */
export interface GitEnvironment {
  /** Variables for git and its ssh: PATH, HOME, SSH_AUTH_SOCK … of the server's user. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface GitRunOptions {
  cwd?: string;
  signal?: AbortSignal | undefined;
  /** Progress and warnings, as git writes them. */
  onStderr?: (text: string) => void;
  runAs?: { uid: number; gid: number } | undefined;
  /** Milliseconds; default ten minutes, enough for a large first clone. */
  timeoutMs?: number;
}

export interface GitOutput {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Nothing asks on a terminal, messages are English for the log, no hook of anyone runs. */
export const QUIET = {
  GIT_TERMINAL_PROMPT: '0',
  GIT_ASKPASS: '',
  SSH_ASKPASS: '',
  GIT_SSH_COMMAND: 'ssh -oBatchMode=yes -oConnectTimeout=15',
  LC_ALL: 'C',
} as const;
const SAFE_CONFIG = [
  '-c',
  'core.hooksPath=/dev/null',
  '-c',
  'gc.auto=0',
  '-c',
  'maintenance.auto=false',
  '-c',
  'protocol.ext.allow=never',
  // A server that went silent ends the transfer, also when nobody is left who would.
  '-c',
  'http.lowSpeedLimit=1',
  '-c',
  'http.lowSpeedTime=60',
];

const DEFAULT_TIMEOUT_MS = 600_000;
const KEPT_STDERR = 16_384;

/**
 * Runs git with an argument vector.
 * @throws ShadowError GIT_MISSING when git is not installed, CANCELLED when the signal aborts, TIMEOUT
 */
export async function runGit(
  environment: GitEnvironment,
  args: readonly string[],
  options: GitRunOptions = {},
): Promise<GitOutput> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]);
  signal.throwIfAborted();
  const child = spawn('git', [...SAFE_CONFIG, ...args], {
    env: { ...environment.variables, ...QUIET },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
    killSignal: 'SIGTERM',
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.runAs === undefined ? {} : { uid: options.runAs.uid, gid: options.runAs.gid }),
  });
  const stdout: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-KEPT_STDERR);
    options.onStderr?.(text);
  });
  try {
    const [exitCode] = (await once(child, 'close')) as [number | null];
    return { exitCode: exitCode ?? 128, stdout: Buffer.concat(stdout).toString('utf8'), stderr };
  } catch (error) {
    throw spawnError(error, timeout.aborted);
  }
}

/** @returns the error of a server without git */
export function gitMissing(): ShadowError {
  const message =
    'git is not installed on the server. Install it (Debian: apt-get install git) and try again.';
  return new ShadowError('GIT_MISSING', message);
}

function spawnError(error: unknown, timedOut: boolean): ShadowError {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  if (code === 'ENOENT') {
    return gitMissing();
  }
  if (timedOut) return new ShadowError('TIMEOUT', 'git did not finish in time.', { cause: error });
  if (code === 'ABORT_ERR') return new ShadowError('CANCELLED', 'git was stopped.', { cause: error });
  return new ShadowError('GIT_FAILED', 'git could not be started.', { cause: error });
}

/** The same for a git that must succeed. @throws ShadowError GIT_FAILED with git's own last words */
export async function gitOutput(
  environment: GitEnvironment,
  args: readonly string[],
  options: GitRunOptions = {},
): Promise<string> {
  const output = await runGit(environment, args, options);
  if (output.exitCode !== 0) throw gitFailed(args, output);
  return output.stdout;
}

/** An error with git's own words, credentials in addresses taken out. */
export function gitFailed(args: readonly string[], output: GitOutput): ShadowError {
  const verb = args.find((arg) => /^[a-z]+(-[a-z]+)*$/.test(arg)) ?? 'git';
  return new ShadowError('GIT_FAILED', `git ${verb} failed: ${lastWords(output.stderr)}`);
}

/** The last lines of git's stderr, without credentials. */
export function lastWords(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('remote: Counting'));
  return withoutCredentials(lines.slice(-3).join(' ')) || 'it said nothing';
}

/** Replaces `user:password@` in every address of a text. */
export function withoutCredentials(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^/\s@]+@/gi, '$1');
}
