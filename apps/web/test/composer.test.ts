import { describe, expect, it } from 'vitest';
import { eventually } from './support/eventually.ts';
import { useHarness } from './support/harness.ts';

describe('the composer', () => {
  const harness = useHarness();

  it('starts the demo on the sample repository with nothing set up', async () => {
    const page = await harness.open('/');
    await page.getByRole('button', { name: 'Model: Demo (scripted)' }).waitFor();
    await page.getByText('Add an API key or a local endpoint').waitFor();
    expect(await page.getByTestId('example').count()).toBe(3);
    await page.getByTestId('example').first().click();
    await page.getByTestId('composer-send').click();
    await page.waitForURL(/\/tasks\/task-1$/);
    await page.getByTestId('chat-log').getByText('Run the tests').waitFor();
    const call = harness.server.calls.find(({ operation }) => operation === 'createTask');
    expect(call?.body).toMatchObject({ repository: 'sample', model: 'scripted/demo', permissionMode: 'ask' });
  });

  it('keeps the text and says why when the task cannot be created', async () => {
    const page = await harness.open('/');
    await page.getByTestId('composer-input').fill('please refuse this');
    await page.getByTestId('composer-input').press('Enter');
    await page.getByRole('alert').getByText('cannot be reached').waitFor();
    expect(await page.getByTestId('composer-input').inputValue()).toBe('please refuse this');
  });

  it('takes a typed path or URL as the repository and shows that its branches cannot be read', async () => {
    const page = await harness.open('/');
    await page.getByRole('button', { name: /^Repository/ }).click();
    await page.getByPlaceholder('Search, or paste a path or git URL').fill('/srv/missing');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Repository: missing' }).waitFor();
    await page.getByRole('button', { name: 'Branches could not be read' }).waitFor();
  });

  it('chooses branch, mode and budget by keyboard', async () => {
    const page = await harness.open('/');
    await page.getByRole('button', { name: 'Base branch: main' }).press('Enter');
    await page.getByPlaceholder('Search branches').fill('next');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Base branch: next' }).waitFor();
    await page.getByRole('button', { name: 'Mode: Ask' }).press('Enter');
    await page.getByRole('menuitemradio', { name: /Auto/ }).press('Enter');
    await page.getByRole('button', { name: 'Budget: No budget' }).press('Enter');
    await page.getByRole('button', { name: '$5' }).press('Enter');
    await page.getByTestId('composer-input').fill('go');
    await page.getByTestId('composer-input').press('Enter');
    await page.waitForURL(/\/tasks\//);
    const call = harness.server.calls.find(({ operation }) => operation === 'createTask');
    expect(call?.body).toMatchObject({ baseBranch: 'next', permissionMode: 'auto', budgetUsd: 5 });
  });

  it('offers bounds of the workspace only where the installation can hold a task to them', async () => {
    const without = await harness.open('/');
    await without.getByRole('button', { name: 'Budget: No budget' }).waitFor();
    expect(await without.getByRole('button', { name: /^Size:/ }).count()).toBe(0);
    harness.server.state.capabilities = { taskResources: true };
    const page = await harness.open('/');
    await page.getByRole('button', { name: 'Size: Usual size' }).click();
    const set = page.getByRole('button', { name: 'Set', exact: true });
    await page.getByLabel('Memory, such as 512Mi or 4Gi').fill('lots');
    expect(await set.isDisabled()).toBe(true);
    await page.getByLabel('Memory, such as 512Mi or 4Gi').fill('4Gi');
    await page.getByLabel('Processors, such as 500m or 2').fill('2');
    await set.click();
    await page.getByRole('button', { name: 'Size: 2 CPU · 4Gi' }).waitFor();
    await page.getByTestId('composer-input').fill('go');
    await page.getByTestId('composer-input').press('Enter');
    await page.waitForURL(/\/tasks\//);
    const call = harness.server.calls.find(({ operation }) => operation === 'createTask');
    expect(call?.body).toMatchObject({ resources: { cpu: '2', memory: '4Gi' } });
  });

  it('explains why a model cannot be chosen', async () => {
    const page = await harness.open('/');
    await page.getByRole('button', { name: /^Model/ }).click();
    const option = page.getByRole('option', { name: /Claude Sonnet 5/ });
    await option.getByText('Needs an Anthropic API key').waitFor();
    await eventually(() => option.getAttribute('aria-disabled')).toBe('true');
  });

  it("prints the provider's own words when a connection test fails", async () => {
    harness.server.state.testResult = {
      ok: false,
      models: [],
      error: { code: 'PROVIDER_AUTH_FAILED', message: '401 invalid x-api-key' },
    };
    const page = await harness.open('/settings');
    await page.getByRole('button', { name: /Anthropic/ }).click();
    await page.getByLabel('API key', { exact: true }).fill('sk-wrong');
    await page.getByRole('button', { name: 'Test connection' }).click();
    await page.getByTestId('provider-error').getByText('401 invalid x-api-key').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Ready').waitFor();
  });
});
