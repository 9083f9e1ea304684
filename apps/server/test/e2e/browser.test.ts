import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canBrowse, launchBrowser } from '../support/browser.ts';
import { temporaryDirectory } from '../support/git-repository.ts';
import { startServer } from '../support/running-server.ts';

describe.runIf(canBrowse)('the product in a real browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  it.each(['', '/shadow'])(
    'signs in by the printed URL, runs the demo and shows its diff, under BASE_PATH=%j',
    async (basePath) => {
      await using directory = await temporaryDirectory();
      await using server = await startServer(join(directory.path, 'home'), { BASE_PATH: basePath });
      const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
      const problems: string[] = [];
      page.on('pageerror', (error) => problems.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error') problems.push(message.text());
      });

      await page.goto(server.signInUrl);
      const input = page.getByTestId('composer-input');
      await input.waitFor();
      expect(page.url()).not.toContain('token');
      await input.fill('Fix the failing test');
      await page.getByTestId('composer-send').first().click();

      await page.waitForURL(/\/tasks\//);
      // The web UI asks by default: the first command and the first edit are allowed for the task.
      const allow = page.getByTestId('approval-card').getByRole('button', { name: /for this task/i });
      await allow.click();
      await page.getByTestId('approval-card').getByText('parse-duration.js').waitFor();
      await allow.click();
      await page
        .getByTestId('status')
        .getByText(/ready for review/i)
        .waitFor();
      const changes = page.getByTestId('changes-pane');
      await changes.getByText('parse-duration.js').first().waitFor();
      const file = page.getByTestId('diff-file').first();
      await file.getByText('(?:\\.\\d+)?').first().waitFor();
      expect(await page.getByTestId('chat-log').innerText()).toContain(
        'The test that failed before passes now',
      );
      expect(problems).toEqual([]);

      // The link works once.
      const second = await (await browser.newContext()).newPage();
      await second.goto(server.signInUrl);
      await second.getByTestId('sign-in-error').waitFor();
    },
  );
});
