import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

// Writes src/generated from prisma/schema.prisma, without the network: Prisma's CLI looks for a schema engine that it
// would download, though generating never runs it. Naming any existing file as that engine stops the search.
const manifest = createRequire(import.meta.url).resolve('prisma/package.json');
const run = spawnSync(process.execPath, [join(dirname(manifest), 'build', 'index.js'), 'generate'], {
  cwd: join(import.meta.dirname, '..'),
  env: {
    ...process.env,
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    CHECKPOINT_DISABLE: '1',
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
  },
  encoding: 'utf8',
});
if (run.status !== 0) {
  process.stderr.write(`${run.stdout}${run.stderr}`);
  process.exit(1);
}
