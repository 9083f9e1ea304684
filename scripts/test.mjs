// npm test [-- vitest arguments]: every suite of every workspace that needs no cluster.
import { requireNode, turbo } from './build.mjs';
import { collectFromServers, reportCoverage } from './coverage.mjs';
import { run } from './run.mjs';

requireNode();
await turbo('build');
// CI gives a failed test two more tries, and the report says so: a busy machine is no reason to turn a change away.
const retry = process.env.CI ? ['--retry=2'] : [];
console.log(
  'Cluster tests are not part of this: npm run test:cluster runs them, on the Kubernetes of KUBECONFIG.',
);
const coverage = process.argv.includes('--coverage') ? collectFromServers() : undefined;
const code = run('vitest', ['run', ...retry, ...process.argv.slice(2)]);
const covered = coverage === undefined ? 0 : reportCoverage(coverage);
process.exit(code || covered);
