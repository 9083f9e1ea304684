import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // They run by `npm run test:cluster`.
    exclude: ['test/cluster/**'],
    // Tests start real servers with real databases on machines that do other things too.
    testTimeout: 90_000,
    hookTimeout: 90_000,
  },
});
