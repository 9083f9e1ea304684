import { type ChildProcess, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { type GitCredential, ShadowError, toShadowError } from '@shadow/protocol';
import { cancelled, throwIfCancelled } from '../operation.ts';
import { errnoOf } from '../security/path-errors.ts';
import { CREDENTIAL_DESCRIPTOR, credentialLines } from './credential.ts';
import { gitEnvironment, gitSettings, type Network } from './git-environment.ts';
import { isolationPrefix } from './git-isolation.ts';
import type { GitScope } from './git-scope.ts';
import { HttpTrace, TRACE_DESCRIPTOR } from './http-trace.ts';
import { LineCollector } from './line-collector.ts';

/** Git on one workspace never takes so long unless it hangs. */
const TIMEOUT_MS = 300_000;
/** What goes over a network may be large and slow; a server that went silent ends it much earlier. */
const NETWORK_TIMEOUT_MS = 3_600_000;
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;

export interface GitRun {
  args: readonly string[];
  /** What git reads; a stream is read at git's pace. */
  input?: string | Buffer | AsyncIterable<Uint8Array>;
  /** Added to the environment; names a temporary index, an author. */
  environment?: Readonly<Record<string, string>>;
  signal: AbortSignal | undefined;
  /** Exit codes that are answers; default 0 alone. */
  accept?: readonly number[];
  /** Receives standard output instead of the result. */
  onOutput?: (chunk: Buffer) => void;
  /** Receives lines of standard error as they come. */
  onProgress?: ((line: string) => void) | undefined;
  /** Where git may connect to; default nowhere. */
  network?: Network | undefined;
}

export interface GitOutput {
  exitCode: number;
  stdout: Buffer;
  /** The last lines that git said. */
  stderr: string;
  http: HttpTrace;
}

/** A git that was started. */
export interface GitChild {
  readonly child: ChildProcess;
  readonly errors: LineCollector;
  readonly http: HttpTrace;
  readonly stop: (reason: ShadowError) => void;
  /** Waits for the end. @throws ShadowError GIT_MISSING, WORKSPACE_LOST, CANCELLED, TIMEOUT */
  readonly ended: Promise<number>;
}

/**
 * Runs git and waits for its end.
 *
 * @param location variables that say where the repository is
 * @throws ShadowError GIT_MISSING, GIT_FAILED (in git's own words), CANCELLED, TIMEOUT, RESOURCE_LIMIT, UNSUPPORTED
 */
export async function completeGit(
  scope: GitScope,
  run: GitRun,
  location: Readonly<Record<string, string>>,
): Promise<GitOutput> {
  const git = await startGit(scope, run, location);
  const output: Buffer[] = [];
  let size = 0;
  git.child.stdout?.on('data', (chunk: Buffer) => {
    if (run.onOutput !== undefined) return run.onOutput(chunk);
    size += chunk.length;
    if (size <= MAX_OUTPUT_BYTES) output.push(chunk);
    else
      git.stop(new ShadowError('RESOURCE_LIMIT', 'Git answered with too much output.', { retryable: false }));
  });
  const exitCode = await git.ended;
  const stderr = git.errors.text();
  if (!(run.accept ?? [0]).includes(exitCode)) throw gitFailed(run.args[0] ?? '', exitCode, stderr);
  return { exitCode, stdout: Buffer.concat(output), stderr, http: git.http };
}

/**
 * Runs git and yields its output at the reader's pace; leaving early ends git.
 *
 * @throws ShadowError as above, from the stream
 */
export async function* streamGit(
  scope: GitScope,
  run: GitRun,
  location: Readonly<Record<string, string>>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const git = await startGit(scope, run, location);
  try {
    const { stdout } = git.child;
    if (stdout !== null) for await (const chunk of stdout) yield chunk;
    const exitCode = await git.ended;
    if (exitCode !== 0) throw gitFailed(run.args[0] ?? '', exitCode, git.errors.text());
  } finally {
    git.stop(cancelled());
    await git.ended.catch(() => {});
  }
}

async function startGit(
  scope: GitScope,
  run: GitRun,
  location: Readonly<Record<string, string>>,
): Promise<GitChild> {
  throwIfCancelled(run.signal);
  const { runAs } = scope;
  const env = { ...gitEnvironment(scope, run.network), ...location, ...run.environment };
  const prefix = await isolationPrefix(scope, env, run.network !== undefined);
  const [file = 'git', ...args] = [...prefix, 'git', ...gitSettings(run.network), ...run.args];
  const child = spawn(file, args, {
    cwd: scope.root,
    env,
    // Sockets for the two behind the usual three: no other process can open them through /proc.
    stdio: ['pipe', 'pipe', 'pipe', ...(run.network === undefined ? [] : (['pipe', 'pipe'] as const))],
    // A group of its own, to be ended whole.
    detached: true,
    ...(runAs === undefined ? {} : { uid: runAs.uid, gid: runAs.gid }),
  });
  return watched(scope, child, run);
}

function watched(scope: GitScope, child: ChildProcess, run: GitRun): GitChild {
  const credential = run.network?.credential;
  const errors = new LineCollector(credential, run.onProgress);
  const http = new HttpTrace();
  let stopped: ShadowError | undefined;
  const stop = (reason: ShadowError): void => {
    stopped ??= reason;
    killGroup(child);
  };
  const onAbort = (): void => stop(cancelled());
  const timer = setTimeout(
    () => stop(new ShadowError('TIMEOUT', 'Git took too long and was ended.')),
    run.network === undefined ? TIMEOUT_MS : NETWORK_TIMEOUT_MS,
  );
  run.signal?.addEventListener('abort', onAbort, { once: true });
  if (run.signal?.aborted === true) onAbort();
  child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk));
  feedDescriptors(child, credential, http);
  feed(child, run.input, stop);
  const exit = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? -1));
  });
  const ended = exit
    .catch((thrown) => startFailure(scope, thrown))
    .then((exitCode) => {
      if (stopped !== undefined) throw stopped;
      return exitCode;
    })
    .finally(() => {
      clearTimeout(timer);
      run.signal?.removeEventListener('abort', onAbort);
    });
  // Whoever reads the output first waits for the end only afterwards.
  ended.catch(() => {});
  return { child, errors, http, stop, ended };
}

/** The credential goes in when git asks for it, what was spoken over HTTP comes out. */
function feedDescriptors(child: ChildProcess, credential: GitCredential | undefined, http: HttpTrace): void {
  const giving = child.stdio[CREDENTIAL_DESCRIPTOR];
  if (giving !== undefined && giving !== null && 'end' in giving) {
    // Git may never ask.
    giving.on('error', () => {});
    giving.end(credential === undefined ? '' : credentialLines(credential));
  }
  const tracing = child.stdio[TRACE_DESCRIPTOR];
  tracing?.on('error', () => {});
  tracing?.on('data', (chunk: Buffer) => http.push(chunk));
}

function feed(child: ChildProcess, input: GitRun['input'], stop: (reason: ShadowError) => void): void {
  const { stdin } = child;
  if (stdin === null) return;
  // Git may end before it has read its input.
  stdin.on('error', () => {});
  if (input === undefined || typeof input === 'string' || Buffer.isBuffer(input)) {
    stdin.end(input ?? '');
    return;
  }
  void send(input, stdin, stop);
}

/** Sends at git's pace. What git does to its pipe is told by git's end; only what the source throws ends git. */
async function send(
  source: AsyncIterable<Uint8Array>,
  stdin: Writable,
  stop: (reason: ShadowError) => void,
): Promise<void> {
  try {
    for await (const chunk of source) {
      if (!stdin.writable) return;
      if (!stdin.write(chunk)) await drained(stdin);
    }
    stdin.end();
  } catch (error) {
    stop(toShadowError(error));
  }
}

/** Waits until more may be written, or never again. */
function drained(stdin: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stdin.off('drain', done).off('close', done);
      resolve();
    };
    if (stdin.closed) done();
    else stdin.on('drain', done).on('close', done);
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
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

/** The error of a git that failed, in its own words. */
export function gitFailed(command: string, exitCode: number, words: string): ShadowError {
  return new ShadowError(
    'GIT_FAILED',
    `git ${command} failed: ${words === '' ? `exit code ${exitCode}` : words}`,
    { details: { command, exitCode } },
  );
}
