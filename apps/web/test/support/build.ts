import { join } from 'node:path';
import { build } from 'vite';

let built: Promise<unknown> | undefined;

/** Builds the UI as it is served, once for each test file that asks. */
export function buildOnce(): Promise<unknown> {
  const root = join(import.meta.dirname, '../..');
  built ??= build({ root, configFile: join(root, 'vite.config.ts'), logLevel: 'error' });
  return built;
}
