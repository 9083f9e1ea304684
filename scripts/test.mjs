// npm test [-- vitest arguments]: every suite of every workspace.
import { requireNode, turbo } from './build.mjs';
import { run } from './run.mjs';

requireNode();
await turbo('build');
// CI gives a failed test a second try, and the report says so: a busy machine is no reason to turn a change away.
const retry = process.env.CI ? ['--retry=1'] : [];
process.exit(run('vitest', ['run', ...retry, ...process.argv.slice(2)]));
