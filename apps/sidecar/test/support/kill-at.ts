import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';

/**
 * Loaded before a sidecar: kills it at one exact point of what it does with files. `KILL_AT` is the call, the moment and the
 * beginning of the file's name, such as `rename after token`.
 */
const [call, moment, name] = (process.env.KILL_AT ?? '').split(' ');

const dieAt = (path: unknown, now: string) => {
  if (now === moment && name !== undefined && basename(String(path)).startsWith(name)) {
    process.kill(process.pid, 'SIGKILL');
  }
};

if (call === 'rename') {
  const { rename } = fs;
  fs.rename = async (from, to) => {
    dieAt(to, 'before');
    await rename(from, to);
    dieAt(to, 'after');
  };
} else if (call === 'open') {
  const { open } = fs;
  fs.open = async (path, flags, mode) => {
    // Only what is written: reading at the start is not a part of the claim.
    const file = await open(path, flags, mode);
    if (flags === 'wx') dieAt(path, 'after');
    return file;
  };
}
syncBuiltinESMExports();
