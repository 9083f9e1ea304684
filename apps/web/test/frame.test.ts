import { describe, expect, it } from 'vitest';
import { eventually } from './support/eventually.ts';
import { useHarness } from './support/harness.ts';
import { addNeighbours, addStory } from './support/story.ts';

describe('the frame', () => {
  const harness = useHarness();

  it('groups tasks by what they need and follows their live sentence', async () => {
    addNeighbours(harness.server.state);
    const story = addStory(harness.server.state);
    const page = await harness.open('/');
    const groups = page.getByRole('navigation', { name: 'Tasks' }).locator('section');
    await eventually(() =>
      groups.evaluateAll((all) => all.map((group) => group.getAttribute('aria-label'))),
    ).toEqual(['Needs you', 'Running', 'Queued', 'Ready for review', 'Done']);
    harness.server.emit(story, {
      type: 'tool-call',
      toolCallId: 'live',
      executionId: 'execution-1',
      tool: 'executeCommand',
      target: 'npm run lint',
      input: {},
    });
    await page.getByTestId('task-row').getByText('Running npm run lint').waitFor();
  });

  it('is driven by keys, none of which fire while typing', async () => {
    addNeighbours(harness.server.state);
    const page = await harness.open('/tasks/n6');
    await page.getByRole('heading', { name: /Explain the build pipeline/ }).waitFor();
    await page.keyboard.press('j');
    await page.getByRole('heading', { name: 'Type the event emitter' }).waitFor();
    await page.keyboard.press('k');
    await page.getByRole('heading', { name: /Explain the build pipeline/ }).waitFor();
    await page.keyboard.press('i');
    await page.locator('[data-testid=composer-input]:focus').waitFor();
    await page.keyboard.type('njk?/');
    expect(await page.getByTestId('composer-input').inputValue()).toBe('njk?/');
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+k');
    await page.getByPlaceholder('Go to a task or run a command').fill('event emitter');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/tasks\/n7$/);
  });

  it('keeps the widths that panes were given', async () => {
    const page = await harness.open('/');
    const sidebar = page.locator('#sidebar');
    await eventually(async () => Math.round((await sidebar.boundingBox())?.width ?? 0)).toBe(260);
    await page.getByRole('separator', { name: 'Resize the task list' }).focus();
    await page.keyboard.press('ArrowRight');
    const width = () => sidebar.evaluate((element) => Math.round(element.getBoundingClientRect().width));
    await eventually(width).not.toBe(260);
    const wide = await width();
    await page.reload();
    await eventually(width).toBe(wide);
  });

  it('shows one thing at a time on a small screen, with targets of 44 pixels', async () => {
    addStory(harness.server.state);
    const page = await harness.open('/tasks/story', {
      viewport: { width: 390, height: 844 },
      hasTouch: true,
    });
    await page.getByTestId('chat-log').waitFor();
    const tabs = page.getByRole('navigation', { name: 'Sections' }).getByRole('button');
    expect(await tabs.allInnerTexts()).toEqual(['Tasks', 'Chat', 'Changes', 'Terminal', 'Stats']);
    for (const tab of await tabs.all()) expect((await tab.boundingBox())?.height).toBeGreaterThanOrEqual(44);
    await tabs.getByText('Changes').click();
    await page.getByTestId('changes-pane').waitFor();
    await tabs.getByText('Terminal').click();
    await page.getByTestId('terminal-pane').waitFor();
    await tabs.getByText('Tasks').click();
    await page.getByTestId('task-row').click();
    await page.getByTestId('chat-log').waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
  });

  it('names every control and field', async () => {
    addStory(harness.server.state);
    for (const path of ['/', '/tasks/story', '/settings']) {
      const page = await harness.open(path);
      await page.getByRole('main').waitFor();
      const nameless = await page.evaluate(() =>
        [...document.querySelectorAll<HTMLElement>('button, a[href], input, textarea, [role="tab"]')]
          .filter((element) => element.getClientRects().length > 0)
          .filter((element) => {
            const labels =
              element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement
                ? element.labels
                : null;
            const text =
              element.getAttribute('aria-label') ?? labels?.[0]?.textContent ?? element.textContent ?? '';
            return text.trim() === '';
          })
          .map((element) => element.outerHTML.slice(0, 120)),
      );
      expect(nameless).toEqual([]);
      const ids = await page.evaluate(() => [...document.querySelectorAll('[id]')].map(({ id }) => id));
      expect(new Set(ids).size).toBe(ids.length);
    }
  });

  it('reaches the composer from the top of the page by Tab, in the order of the screen', async () => {
    const page = await harness.open('/');
    await page.getByRole('button', { name: /^Model/ }).waitFor();
    await page.getByRole('link', { name: 'Shadow' }).focus();
    const seen: string[] = [];
    for (let step = 0; step < 16; step += 1) {
      await page.keyboard.press('Tab');
      seen.push(
        await page.evaluate(
          () => document.activeElement?.getAttribute('aria-label') || document.activeElement?.id || '',
        ),
      );
    }
    const order = ['task-search', 'What should be done', 'Mode: Ask'].map((name) => seen.indexOf(name));
    expect(order.every((at) => at >= 0)).toBe(true);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });
});
