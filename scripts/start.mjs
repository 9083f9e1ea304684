// npm start: builds what is out of date, then becomes the server.
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import { requireNode, turbo } from './build.mjs';

requireNode();
// The next start is quicker, and needs no memory for the stripping of types.
module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/shadow', import.meta.url)));
await turbo('build');
await import('../apps/server/src/main.ts');
