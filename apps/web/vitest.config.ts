import { existsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const chromium = process.env.SHADOW_CHROMIUM ?? '/usr/bin/chromium';
const canBrowse = existsSync(chromium) || process.env.SHADOW_REQUIRE_BROWSER === '1';
if (!canBrowse) {
  console.warn(
    `Tests of the web UI are skipped: no Chromium at ${chromium} (Debian: apt-get install chromium).`,
  );
}

export default defineConfig({
  test: {
    name: 'web',
    include: canBrowse ? ['test/**/*.test.ts'] : [],
    passWithNoTests: true,
    // A real browser against a fixture server; two cores are shared with other suites.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});
