// npm run check: every gate. Coverage runs the tests; --no-coverage leaves that one out.
import { requireNode, turbo } from './build.mjs';
import { run } from './run.mjs';

requireNode();
await turbo('build');
const gates = [
  ['types', () => turbo('typecheck', '--concurrency=2').then(() => 0)],
  ['types of the benchmarks', () => run('tsc', ['--noEmit', '-p', 'bench'])],
  ['lint and format', () => run('biome', ['ci', ...(process.env.NO_COLOR ? ['--colors=off'] : []), '.'])],
  [
    'arrows',
    () => run('depcruise', ['--config', '.dependency-cruiser.cjs', 'apps', 'packages', 'bench', 'scripts']),
  ],
  ['dead code', () => run('knip', [])],
];
if (!process.argv.includes('--no-coverage')) {
  gates.push(['tests and coverage', () => run(process.execPath, ['scripts/test.mjs', '--coverage'])]);
}
for (const [name, gate] of gates) {
  const startedAt = performance.now();
  const code = await gate();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${code === 0 ? '✓' : '✗'} ${name} (${seconds} s)`);
  if (code !== 0) process.exit(code);
}
