import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { readPrivateFile, writePrivateFile } from './private-file.ts';

/**
 * The key that session cookies are signed with: made at the first start, kept in `auth-secret` under the home.
 * @param home absolute path of SHADOW_HOME
 */
export async function ensureAuthSecret(home: string): Promise<string> {
  const path = join(home, 'auth-secret');
  const existing = await readPrivateFile(path);
  if (existing !== null && existing.length >= 32) return existing;
  // A file that is there but too short is damaged: it is replaced, and everyone signs in again.
  await writePrivateFile(path, randomBytes(32).toString('base64url'), { keepExisting: existing === null });
  const written = await readPrivateFile(path);
  if (written === null) throw new Error(`${path} vanished while it was being written.`);
  return written;
}
