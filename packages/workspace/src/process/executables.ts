import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

const USUAL_PLACES = ['/bin', '/usr/bin', '/usr/local/bin'];

/** Absolute path of a program in the usual places or on a PATH. */
export function findExecutable(name: string, path: string | undefined): string | undefined {
  const further = (path ?? '').split(':').filter((place) => place.startsWith('/'));
  return [...USUAL_PLACES, ...further].map((place) => join(place, name)).find(isExecutable);
}

/** Absolute path of bash, or of sh where there is none. */
export function findShell(path: string | undefined): string {
  return findExecutable('bash', path) ?? findExecutable('sh', path) ?? '/bin/sh';
}

/** Whether this user may execute what is there; a directory counts as well. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
