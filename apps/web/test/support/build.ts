import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '../..');
let built: Promise<unknown> | undefined;

/**
 * Builds the UI as it is served, once for each test file that asks. In a process of its own: a test run's NODE_ENV
 * would make it a development build, and leave that behind for the server to serve.
 */
export function buildOnce(): Promise<unknown> {
  const vite = join(dirname(createRequire(import.meta.url).resolve('vite/package.json')), 'bin/vite.js');
  built ??= promisify(execFile)(process.execPath, [vite, 'build', '--logLevel', 'error'], {
    cwd: ROOT,
    env: { ...process.env, NODE_ENV: 'production', VITEST: '' },
  });
  return built;
}
