import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ShadowError } from '@shadow/protocol/errors';

/** sun_path of unix(7) holds 108 bytes with its closing NUL; macOS has 104. */
const MAX_SOCKET_PATH_BYTES = 103;

/**
 * Where the host of a directory listens: inside it, or, where that path is too long for a socket, in a private directory
 * under the system's temporary one that is named after it.
 *
 * @throws ShadowError PERMISSION_DENIED when somebody else has put something in that place
 */
export function hostSocketPath(directory: string): string {
  makePrivateDirectory(directory);
  const inside = join(directory, 'host.sock');
  if (Buffer.byteLength(inside) <= MAX_SOCKET_PATH_BYTES) return inside;
  const name = createHash('sha256').update(directory).digest('hex').slice(0, 16);
  const short = join(tmpdir(), `shadow-${process.getuid?.() ?? 0}-${name}`);
  makePrivateDirectory(short);
  return join(short, 'host.sock');
}

/** Makes a directory that only this user may enter, or checks that it is one. */
function makePrivateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const found = lstatSync(path);
  const isOurs = process.getuid === undefined || found.uid === process.getuid();
  if (found.isDirectory() && isOurs && (found.mode & 0o077) === 0) return;
  throw new ShadowError(
    'PERMISSION_DENIED',
    `${path} must be a directory of this user with mode 0700: the process host's socket lives there.`,
  );
}
