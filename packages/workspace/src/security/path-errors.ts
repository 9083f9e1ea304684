import { type ErrorCode, ShadowError } from '@shadow/protocol';

/** Codes of errno values, with what a person is told; `<path>` stands for the workspace path. */
const BY_ERRNO: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOENT: ['FILE_NOT_FOUND', 'There is no file or directory <path>.'],
  EISDIR: ['NOT_A_FILE', '<path> is a directory, not a file.'],
  ENOTDIR: ['NOT_A_DIRECTORY', '<path> goes through something that is not a directory.'],
  EEXIST: ['ALREADY_EXISTS', '<path> exists already.'],
  ENOTEMPTY: ['ALREADY_EXISTS', 'The directory <path> is not empty.'],
  EACCES: ['PERMISSION_DENIED', 'Permission to use <path> was refused by the file system.'],
  EPERM: ['PERMISSION_DENIED', 'The operation on <path> is not permitted by the file system.'],
  EROFS: ['PERMISSION_DENIED', '<path> is on a read-only file system.'],
  ENOSPC: ['DISK_FULL', 'The disk is full: <path> was not changed. Free some space and try again.'],
  EDQUOT: ['DISK_FULL', 'The disk quota is used up: <path> was not changed. Free some space and try again.'],
  ENAMETOOLONG: ['PATH_INVALID', 'The path is longer than the file system allows: <path>'],
  EINVAL: ['PATH_INVALID', 'The file system refused the path <path>.'],
  ELOOP: ['PATH_INVALID', '<path> goes through a symbolic link that cannot be followed.'],
  EXDEV: ['PATH_INVALID', '<path> is on another file system.'],
  EFBIG: ['FILE_TOO_LARGE', '<path> would be larger than the file system allows.'],
  EMFILE: ['RESOURCE_LIMIT', 'Too many files are open; <path> was not touched. Try again.'],
  ENFILE: ['RESOURCE_LIMIT', 'Too many files are open; <path> was not touched. Try again.'],
  EBUSY: ['RESOURCE_LIMIT', '<path> is in use by the system. Try again.'],
};

/** The errno name of something thrown by Node's file system calls, if it has one. */
export function errnoOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}

/**
 * A file system failure as a coded error that names the workspace path and none of the paths used inside.
 *
 * @param thrown what Node threw; a ShadowError is handed back as it is
 * @param path the path as the caller knows it
 */
export function fileError(thrown: unknown, path: string): unknown {
  if (thrown instanceof ShadowError) return thrown;
  const errno = errnoOf(thrown);
  const known = errno === undefined ? undefined : BY_ERRNO[errno];
  if (known === undefined) return thrown;
  const shown = path === '' ? '.' : path.slice(0, 300);
  return new ShadowError(
    known[0],
    known[1].replace('<path>', () => shown),
    {
      details: { path: shown },
      cause: thrown,
    },
  );
}

/** The refusal of a path that leaves the workspace. */
export function outside(path: string): ShadowError {
  return new ShadowError('PATH_OUTSIDE_WORKSPACE', `${path.slice(0, 300)} is outside the workspace.`, {
    details: { path: path.slice(0, 300) },
  });
}
