// npm test [-- vitest arguments]: every suite of every workspace.
import { requireNode, turbo } from './build.mjs';
import { run } from './run.mjs';

requireNode();
await turbo('build');
process.exit(run('vitest', ['run', ...process.argv.slice(2)]));
