import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canBrowse, launchBrowser } from '../support/browser.ts';
import { makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { startAnthropicServer } from '../support/model-servers/anthropic-server.ts';
import type { ModelServer, Replies } from '../support/model-servers/scripted-server.ts';
import { followUntil, type RunningServer, runTask, startServer } from '../support/running-server.ts';

const MODEL = 'anthropic/claude-sonnet-4-5';
const KEY = 'sk-ant-the-right-key-0123456789';

describe.runIf(canBrowse)('what a person is told in the browser', () => {
  const resources = new AsyncDisposableStack();
  let home: string;
  let environment: Record<string, string>;
  let repository: string;
  let provider: ModelServer;
  let server: RunningServer;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const directory = resources.use(await temporaryDirectory()).path;
    home = join(directory, 'home');
    repository = await makeRepository(join(directory, 'project'), { 'a.txt': 'one\n' });
    provider = resources.use(await startAnthropicServer({ apiKey: KEY }));
    environment = { ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: provider.url };
    server = await startServer(home, environment);
    browser = await launchBrowser();
    page = await signedInPage();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    await resources.disposeAsync();
  });

  async function signedInPage(): Promise<Page> {
    const fresh = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
    await fresh.goto(server.signInUrl);
    await fresh.getByTestId('composer-input').waitFor();
    return fresh;
  }

  /** Runs a task to its rest and opens its page. */
  async function show(body: Partial<Parameters<typeof runTask>[1]>, replies: Replies = []): Promise<void> {
    provider.reply(replies);
    const { task } = await runTask(server, { repository, prompt: 'Change the file', model: MODEL, ...body });
    await page.goto(`${server.url}/tasks/${task.id}`);
  }

  const told = (text: RegExp) => page.getByText(text).first().waitFor();

  it('an unknown repository', async () => {
    await show({ repository: join(repository, 'nowhere') });
    await told(/There is nothing at .*nowhere/);
  });

  it('a branch that is not there, with those that are', async () => {
    await show({ baseBranch: 'nope' });
    await told(/has no branch "nope"\. It has: main/);
  });

  it('a key that the provider refuses', async () => {
    const params = { provider: 'anthropic' } as const;
    await server.api.updateProvider({ params, body: { apiKey: 'sk-ant-a-wrong-key-9876543210' } });
    await show({}, [{ text: 'Hello.' }]);
    await told(/Anthropic refused the key/);
    await server.api.deleteProvider({ params });
  });

  it('a wait for an overloaded provider', async () => {
    const overloaded = { status: 529, type: 'overloaded_error', message: 'Overloaded' };
    await show({}, [{ ...overloaded, headers: { 'retry-after-ms': '1' } }, { text: 'Here I am.' }]);
    await told(/overloaded/i);
    await told(/Here I am\./);
  });

  it('a spent budget, and how to go on', async () => {
    const usage = { input: 1_000_000, output: 100_000 };
    const call = { tool: 'listDirectory', input: {} };
    await show({ budgetUsd: 0.5 }, [
      { text: 'Looking.', usage, calls: [call] },
      { text: 'More.', usage },
    ]);
    await told(/The budget is spent/);
    await page.getByRole('button', { name: /Go on with \$0\.50 more/ }).waitFor();
  });

  it('a prompt that is too long, which stays in the composer', async () => {
    await page.goto(server.url);
    const input = page.getByTestId('composer-input');
    await input.fill('x'.repeat(1_000_000));
    await page.getByTestId('composer-send').first().click();
    await told(/longer than 256 KiB/);
    expect((await input.inputValue()).length).toBe(1_000_000);
  });

  it('a server that was killed in the middle of a turn', async () => {
    provider.reply([{ text: 'I will be cut off', hang: true }]);
    const { id } = await server.api.createTask({ body: { repository, prompt: 'Wait', model: MODEL } });
    await followUntil(server, id, (event) => event.type === 'message-delta');
    await server.kill();
    server = await startServer(home, environment);
    page = await signedInPage();
    await page.goto(`${server.url}/tasks/${id}`);
    await told(/The turn was interrupted/);
    await told(/I will be cut off/);
    await page.getByRole('button', { name: 'Go on' }).waitFor();
  });
});
