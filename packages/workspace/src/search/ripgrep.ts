import { type ChildProcess, spawn } from 'node:child_process';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ShadowError } from '@shadow/protocol';
import { rgPath } from '@vscode/ripgrep';
import type { RunAs } from '../context.ts';
import { cancelled, throwIfCancelled } from '../operation.ts';

const MAX_ERROR_BYTES = 16 * 1024;

/**
 * What every run has in common: no config file of anybody's, hidden files too, but nothing of `.git`; .gitignore and
 * `.git/info/exclude` count, in a directory without a repository as well, and ripgrep's own ignore files do not, so that
 * search and listings agree. Ripgrep follows no symbolic links and starts no program unless told to.
 */
const COMMON = [
  '--no-config',
  '--hidden',
  '--no-require-git',
  '--no-ignore-dot',
  '--no-ignore-global',
  '--no-messages',
];

export interface RipgrepRun {
  args: readonly string[];
  /** Directory to run in: a path that stays valid while ripgrep starts. */
  cwd: string;
  /** Read instead of the directory. */
  input?: FileHandle;
  runAs: RunAs | undefined;
  environment: Readonly<Record<string, string>>;
  signal: AbortSignal | undefined;
  /** Ripgrep's executable; default the one that is installed with this package. */
  binary?: string;
  /** Takes a piece of output; returning false ends ripgrep. */
  onOutput: (chunk: Buffer) => boolean;
}

export interface RipgrepOutcome {
  /** 0 found, 1 nothing found, 2 an error, -1 ended by us. */
  exitCode: number;
  stderr: string;
}

/**
 * Runs ripgrep with an argument vector, as the workspace's user.
 *
 * @throws ShadowError CANCELLED, UNAVAILABLE when ripgrep cannot be started
 */
export async function runRipgrep(run: RipgrepRun): Promise<RipgrepOutcome> {
  throwIfCancelled(run.signal);
  const { runAs } = run;
  await using binary = runAs === undefined ? undefined : await openIfOutOfReach(run.binary ?? rgPath, runAs);
  const child = spawn(
    binary === undefined ? (run.binary ?? rgPath) : '/proc/self/fd/3',
    [...COMMON, ...run.args],
    {
      cwd: run.cwd,
      env: { PATH: run.environment.PATH ?? '', LC_ALL: 'C.UTF-8' },
      stdio: [run.input?.fd ?? 'ignore', 'pipe', 'pipe', ...(binary === undefined ? [] : [binary.fd])],
      ...(runAs === undefined ? {} : { uid: runAs.uid, gid: runAs.gid }),
    },
  );
  return await outcomeOf(child, run);
}

function outcomeOf(child: ChildProcess, run: RipgrepRun): Promise<RipgrepOutcome> {
  const errors: Buffer[] = [];
  let errorBytes = 0;
  let done = false;
  const end = (): void => {
    done = true;
    child.kill('SIGKILL');
  };
  child.stdout?.on('data', (chunk: Buffer) => {
    if (!done && !run.onOutput(chunk)) end();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    errorBytes += chunk.length;
    if (errorBytes <= MAX_ERROR_BYTES) errors.push(chunk);
  });
  return new Promise((resolve, reject) => {
    run.signal?.addEventListener('abort', end, { once: true });
    child.once('error', (cause) => {
      run.signal?.removeEventListener('abort', end);
      reject(new ShadowError('UNAVAILABLE', 'The search program (ripgrep) could not be started.', { cause }));
    });
    child.once('close', (code) => {
      run.signal?.removeEventListener('abort', end);
      if (run.signal?.aborted) reject(cancelled());
      else resolve({ exitCode: code ?? -1, stderr: Buffer.concat(errors).toString('utf8') });
    });
  });
}

/**
 * The workspace's user may be unable to reach the binary, when the installation lies under somebody's closed home. It
 * is then handed over as an open file and run through its descriptor (`/proc/self/fd`), still as that user: run with
 * the server's rights, a directory swapped for a link in the middle of a search would show files of the server's.
 */
async function openIfOutOfReach(path: string, runAs: RunAs): Promise<FileHandle | undefined> {
  return (await reachable(path, runAs)) ? undefined : open(path, 'r');
}

const reachableFor = new Map<string, Promise<boolean>>();

function reachable(path: string, runAs: RunAs): Promise<boolean> {
  const key = `${runAs.uid}:${runAs.gid}:${path}`;
  const known = reachableFor.get(key) ?? mayExecute(path, runAs);
  reachableFor.set(key, known);
  return known;
}

/** Whether the mode bits let an identity execute a file and pass through all directories above it. */
async function mayExecute(path: string, runAs: RunAs): Promise<boolean> {
  for (let at = path; ; at = dirname(at)) {
    const { mode, uid, gid } = await stat(at);
    const bit = uid === runAs.uid ? 0o100 : gid === runAs.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (at === dirname(at)) return true;
  }
}
