import { existsSync } from 'node:fs';
import { join } from 'node:path';

const INDEX = join(import.meta.dirname, '../../dist/index.html');

/**
 * The UI is tested as it is served: from the build that `npm test` and `npm run build` make. Building here would pull it
 * away under the suites that serve it at the same time.
 * @throws when it is not built
 */
export function requireBuild(): void {
  if (!existsSync(INDEX))
    throw new Error('The web UI is not built: run "npm run build" first ("npm test" does).');
}
