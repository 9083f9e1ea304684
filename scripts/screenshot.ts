// Takes the README's screenshot of the running product: node scripts/screenshot.ts
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchBrowser } from '../apps/server/test/support/browser.ts';
import { startServer } from '../apps/server/test/support/running-server.ts';

const TARGET = fileURLToPath(new URL('../docs/screenshot.png', import.meta.url));

const directory = await mkdtemp(join(tmpdir(), 'shadow-screenshot-'));
await using server = await startServer(join(directory, 'home'));
const browser = await launchBrowser();
try {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    deviceScaleFactor: 1.5,
    colorScheme: 'dark',
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  await page.goto(server.signInUrl);
  await page.getByTestId('composer-input').fill('Fix the failing test');
  await page.getByTestId('composer-send').first().click();
  const allow = page.getByTestId('approval-card').getByRole('button', { name: /for this task/i });
  await allow.click();
  await page.getByTestId('approval-card').getByText('parse-duration.js').waitFor();
  await allow.click();
  await page
    .getByTestId('status')
    .getByText(/ready for review/i)
    .waitFor({ timeout: 120_000 });
  await page.getByTestId('diff-file').first().getByText('(?:').first().waitFor();
  await page.screenshot({ path: TARGET });
} finally {
  await browser.close();
  await server.stop();
  await rm(directory, { recursive: true, force: true });
}
