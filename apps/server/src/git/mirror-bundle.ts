import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { PassThrough } from 'node:stream';
import { type GitEnvironment, gitFailed, QUIET } from './git-command.ts';

const KEPT_STDERR = 4096;

/**
 * A bundle of every branch of a mirror, made while it is read.
 * @param mirror directory of the bare repository
 * @returns its bytes; the stream fails with GIT_FAILED when git does, and ends git when it is destroyed
 */
export function openMirrorBundle(environment: GitEnvironment, mirror: string, signal: AbortSignal): Readable {
  const args = ['--git-dir', mirror, 'bundle', 'create', '--quiet', '-', '--branches'];
  const child = spawn('git', args, {
    env: { ...environment.variables, ...QUIET },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
    killSignal: 'SIGTERM',
  });
  const bundle = new PassThrough();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-KEPT_STDERR);
  });
  child.once('error', (error) => bundle.destroy(error));
  child.once('close', (exitCode) => {
    if (exitCode === 0) bundle.end();
    else bundle.destroy(gitFailed(['bundle'], { exitCode: exitCode ?? 128, stdout: '', stderr }));
  });
  // The end is git's to say: what was read of a git that failed is no bundle.
  child.stdout.pipe(bundle, { end: false });
  bundle.once('close', () => child.kill('SIGTERM'));
  return bundle;
}
