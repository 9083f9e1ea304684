import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { launchBrowser, openPage } from './browser.ts';
import { requireBuild } from './build.ts';
import { type FixtureServer, startFixtureServer } from './fixture-server.ts';

/** What a test of the UI works with. */
export interface Harness {
  readonly server: FixtureServer;
  /** Opens a page of its own at a path. */
  open(path: string, options?: BrowserContextOptions): Promise<Page>;
}

/**
 * A real browser and a fresh fixture server for each test. After each, the pages must have raised no error, broken no
 * content policy and asked no other host.
 */
export function useHarness(options: { basePath?: string } = {}): Harness {
  let browser: Browser;
  let server: FixtureServer;
  let problems: string[][] = [];
  beforeAll(async () => {
    requireBuild();
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    server = await startFixtureServer(options);
    problems = [];
  });
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
    await server.close();
    const found = problems.flat();
    if (found.length > 0) throw new Error(`the page had problems:\n${found.join('\n')}`);
  });
  return {
    get server() {
      return server;
    },
    open: async (path, contextOptions) => {
      const opened = await openPage(browser, server.url + path, contextOptions);
      problems.push(opened.problems);
      return opened.page;
    },
  };
}
