import { defineConfig } from 'vitest/config';

/** The tests of remote mode on a real Kubernetes: `npm run test:cluster`. */
const shared = {
  root: 'apps/server',
  // Pods start in seconds, on a busy machine in many.
  testTimeout: 240_000,
  hookTimeout: 240_000,
};

export default defineConfig({
  test: {
    maxWorkers: 2,
    coverage: {
      provider: 'v8',
      reportOnFailure: true,
      include: ['apps/server/src/execution/remote/{kubernetes,workspaces,warm-pool}/**'],
      reporter: ['text-summary', 'json-summary'],
      thresholds: { lines: 85 },
    },
    projects: [
      {
        test: {
          ...shared,
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          exclude: ['test/cluster/faults/**'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Their faults hit the whole cluster: one after the other, when nobody else needs it.
        test: {
          ...shared,
          name: 'cluster faults',
          include: ['test/cluster/faults/**/*.test.ts'],
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
