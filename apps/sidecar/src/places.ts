import { join } from 'node:path';

/** Where the process host of a sidecar lives; supervisor and HTTP process find each other there. */
export function hostDirectory(stateDir: string): string {
  return join(stateDir, 'host');
}
