import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: ['packages/*', 'apps/*'],
    // Two cores: more workers than that only make real processes and databases wait for each other.
    maxWorkers: 2,
    coverage: {
      provider: 'v8',
      reportOnFailure: true,
      include: ['packages/*/src/**', 'apps/server/src/**'],
      // What talks to Kubernetes is measured where a cluster is: vitest.cluster.config.ts.
      exclude: ['**/generated/**', 'apps/server/src/execution/remote/{kubernetes,workspaces,warm-pool}/**'],
      // scripts/coverage.mjs adds what the servers of the tests have run and holds the sum to its limit.
      reporter: ['json'],
    },
  },
});
