import { execFile } from 'node:child_process';
import { lstatSync, readlinkSync } from 'node:fs';
import { promisify } from 'node:util';
import type { RunAs } from '../context.ts';
import type { StartProcess } from './process-host.ts';

const SYSTEM_DIRECTORIES = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/etc',
  '/opt',
  '/nix',
];
const PLACES = ['/usr/bin/bwrap', '/bin/bwrap', '/usr/local/bin/bwrap'];
const PROBE_MS = 3000;

/**
 * First process inside: runs the command and collects what nobody waits for, as bubblewrap's own would; but this one is
 * waited for, so that the command's processor time is not lost. What it has to say of signals itself is for nobody.
 */
const FIRST_PROCESS = 'exec 9>&2 2>/dev/null; "$0" "$@" 2>&9 9>&-; exit $?';

/**
 * Path of a bubblewrap that works here; user namespaces may be refused though it is installed.
 *
 * @param runAs for whom it has to work; default this user
 */
export async function findBubblewrap(runAs?: RunAs): Promise<string | undefined> {
  const path = PLACES.find((place) => lstatSync(place, { throwIfNoEntry: false })?.isFile());
  if (path === undefined) return undefined;
  const probe = ['--ro-bind', '/', '/', '--unshare-pid', '--proc', '/proc', '/bin/true'];
  try {
    await promisify(execFile)(path, probe, { timeout: PROBE_MS, env: {}, cwd: '/', ...runAs });
    return path;
  } catch {
    return undefined;
  }
}

/**
 * Arguments of bubblewrap before the command: the workspace writable, the system read-only, a private /tmp; homes, the
 * server's state and other processes out of sight (bwrap(1)).
 */
export function bubblewrapArguments({
  root,
  cwd,
  env,
  isolation,
}: Pick<StartProcess, 'root' | 'cwd' | 'env' | 'isolation'>): string[] {
  const args = ['--die-with-parent', '--unshare-pid', '--as-pid-1', '--unshare-ipc', '--unshare-uts'];
  if (isolation?.network !== true) args.push('--unshare-net');
  args.push(...SYSTEM_DIRECTORIES.flatMap(systemDirectory));
  args.push('--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--tmpfs', '/run', '--tmpfs', '/var/tmp');
  // Name resolution is often a link into /run.
  args.push('--ro-bind-try', '/run/systemd/resolve', '/run/systemd/resolve');
  if (env.HOME?.startsWith('/') === true) args.push('--tmpfs', env.HOME);
  const isInSystem = (path: string) => SYSTEM_DIRECTORIES.some((system) => path.startsWith(`${system}/`));
  for (const path of (isolation?.hidden ?? []).filter(isInSystem)) args.push('--tmpfs', path);
  for (const path of isolation?.readable ?? []) args.push('--ro-bind-try', path, path);
  for (const path of isolation?.writable ?? []) args.push('--bind-try', path, path);
  args.push('--bind', root, root, '--chdir', cwd, '--', '/bin/sh', '-c', FIRST_PROCESS);
  return args;
}

/** On merged systems /bin is a link into /usr; it stays one inside. */
function systemDirectory(path: string): string[] {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return [];
  return found.isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path];
}
