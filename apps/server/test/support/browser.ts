import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Debian's Chromium; another one by SHADOW_CHROMIUM. */
const EXECUTABLE = process.env.SHADOW_CHROMIUM ?? '/usr/bin/chromium';

/**
 * Whether browser tests can run. Without Chromium they are skipped with a word about it; where they must not be
 * (SHADOW_REQUIRE_BROWSER, as CI sets it), they run and fail.
 */
export const canBrowse = existsSync(EXECUTABLE) || process.env.SHADOW_REQUIRE_BROWSER === '1';
if (!canBrowse) {
  console.warn(
    `Browser tests are skipped: there is no Chromium at ${EXECUTABLE} (Debian: apt-get install chromium).`,
  );
}

/** Starts a browser that talks to nobody but the page's server. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: EXECUTABLE,
    args: [
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}
