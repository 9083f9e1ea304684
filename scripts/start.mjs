// npm start: builds what is out of date, then becomes the server.
import { requireNode, turbo } from './build.mjs';

requireNode();
await turbo('build');
await import('../apps/server/src/main.ts');
