import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { giveTo, type Identity } from './identity.ts';
import { SOCKET_PORT } from './settings.ts';

/** Longest path of a Unix socket in bytes: sizeof sun_path less the final zero (unix(7); <sys/un.h> of macOS). */
const MAX_SOCKET_PATH = platform() === 'darwin' ? 103 : 107;

/** Where the server listens: a directory that only its owner can enter. */
export interface SocketDirectory {
  readonly path: string;
  /** Removes it when it was made for this run alone. */
  remove(): Promise<void>;
}

/**
 * Makes the directory of the socket: `run` inside `directory`, or a private one under the system's temporary
 * directory where the socket's path would be too long for the kernel.
 */
export async function makeSocketDirectory(directory: string, identity: Identity): Promise<SocketDirectory> {
  const near = join(directory, 'run');
  if (fits(near)) {
    await mkdir(near, { recursive: true, mode: 0o700 });
    await chmod(near, 0o700);
    await giveTo(identity, near);
    return { path: near, remove: async () => undefined };
  }
  const temporary = [tmpdir(), '/tmp'].find((path) => fits(join(path, 'shadow-XXXXXX'))) ?? '/tmp';
  const path = await mkdtemp(join(temporary, 'shadow-'));
  await giveTo(identity, path);
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

function fits(directory: string): boolean {
  return Buffer.byteLength(join(directory, `.s.PGSQL.${SOCKET_PORT}`)) <= MAX_SOCKET_PATH;
}
