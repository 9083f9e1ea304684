import { describe, expect, it } from 'vitest';
import { eventually } from './support/eventually.ts';
import { addTask } from './support/fixture-state.ts';
import { useHarness } from './support/harness.ts';
import { addStory, askForApproval, opening, toolCall } from './support/story.ts';

describe('a task', () => {
  const harness = useHarness();

  it('shows one row for each tool call, folds reads, and opens failures by itself', async () => {
    addStory(harness.server.state);
    const page = await harness.open('/tasks/story');
    await page.getByTestId('explored-row').getByText('Explored 2 files, 2 searches').waitFor();
    const rows = page.getByTestId('tool-row');
    await eventually(() => rows.count()).toBe(4);
    await page.getByTestId('process-output').getByText('AssertionError: 1h30m').waitFor();
    await rows.filter({ hasText: 'src/parse.js' }).getByRole('button').click();
    await page.getByText('return end === text.length').first().waitFor();
    await page.getByTestId('todo-strip').getByText('2/4').waitFor();
    await page.getByTestId('start-up').getByText('184 ms').waitFor();
  });

  it('streams text as it comes and closes unfinished markdown', async () => {
    const task = addTask(harness.server.state);
    harness.server.emit(task, ...opening('Say something'));
    const page = await harness.open(`/tasks/${task.task.id}`);
    await page.getByText('Say something').first().waitFor();
    const say = (text: string) =>
      harness.server.emit(task, { type: 'message-delta', messageId: 'm', kind: 'text', text });
    say('This is **very');
    await eventually(() => page.getByTestId('agent-text').locator('strong').allInnerTexts()).toEqual([
      'very',
    ]);
    say(' bold**\n\n<img src=x onerror=alert(1)> and <script>no</script>');
    await page.getByTestId('agent-text').getByText('very bold').waitFor();
    expect(await page.getByTestId('agent-text').locator('img, script').count()).toBe(0);
  });

  it('streams the output of a running command when its row is opened', async () => {
    const task = addTask(harness.server.state);
    task.processes.set('p9', { command: 'make', output: new Uint8Array(), exitCode: null });
    harness.server.emit(
      task,
      ...opening('Build it'),
      {
        type: 'tool-call',
        toolCallId: 'c',
        executionId: 'e',
        tool: 'executeCommand',
        target: 'make',
        input: { command: 'make' },
      },
      { type: 'tool-process', toolCallId: 'c', processId: 'p9' },
    );
    const page = await harness.open(`/tasks/${task.task.id}`);
    await page.getByTestId('tool-row').getByRole('button').click();
    await page.getByTestId('tool-row').getByText('Waiting for output').waitFor();
    harness.server.write(task, 'p9', 'compiling…\n');
    await page.getByTestId('process-output').getByText('compiling…').waitFor();
    harness.server.write(task, 'p9', 'linking…\n');
    await page.getByTestId('process-output').getByText('linking…').waitFor();
  });

  it('follows new rows at the end, stays put elsewhere and counts what came', async () => {
    const task = addTask(harness.server.state);
    harness.server.emit(task, ...opening('Go on for long'));
    const say = (from: number, to: number) => {
      for (let index = from; index < to; index += 1) {
        harness.server.emit(
          task,
          {
            type: 'message-delta',
            messageId: `m${index}`,
            kind: 'text',
            text: `Paragraph ${index} of a long answer.`,
          },
          { type: 'message-finished', messageId: `m${index}`, complete: true },
        );
      }
    };
    say(0, 60);
    const page = await harness.open(`/tasks/${task.task.id}`);
    const log = page.getByTestId('chat-log');
    await log.getByText('Paragraph 59 ').waitFor();
    say(60, 70);
    await log.getByText('Paragraph 69 ').waitFor();
    await eventually(() => log.evaluate((el) => el.scrollHeight - el.scrollTop - el.clientHeight < 60)).toBe(
      true,
    );
    expect(await page.getByTestId('new-pill').count()).toBe(0);

    await log.hover();
    await page.mouse.wheel(0, -900);
    await page.getByTestId('new-pill').waitFor();
    const before = await log.evaluate((el) => el.scrollTop);
    say(70, 82);
    await page.getByTestId('new-pill').getByText('12 new').waitFor();
    expect(Math.abs((await log.evaluate((el) => el.scrollTop)) - before)).toBeLessThan(4);
    await page.getByTestId('new-pill').click();
    await log.getByText('Paragraph 81 ').waitFor();
    await eventually(() => page.getByTestId('new-pill').count()).toBe(0);
  });

  it('says what it last knew while there is no connection, disables Stop, and catches up', async () => {
    const story = addStory(harness.server.state);
    const page = await harness.open('/tasks/story');
    await page.getByTestId('status').getByText('Running').waitFor();
    harness.server.cut();
    await page.getByTestId('status').getByText('Last known: Running').waitFor();
    expect(await page.getByTestId('stop-button').isDisabled()).toBe(true);
    await page.getByTestId('tool-row').first().waitFor();
    harness.server.emit(story, ...toolCall('late', 'deleteFile', 'old.js', {}), {
      type: 'status',
      status: 'ready-for-review',
      error: null,
    });
    harness.server.restore();
    await page.getByTestId('status').getByText('Ready for review').waitFor();
    await page.getByTestId('tool-row').filter({ hasText: 'old.js' }).waitFor();
  });

  it('keeps the end in sight when a question docks below the log', async () => {
    const story = addStory(harness.server.state);
    const page = await harness.open('/tasks/story');
    await page.getByTestId('process-output').getByText('fail 1').waitFor();
    harness.server.emit(story, ...askForApproval(story));
    await page.getByTestId('approval-card').waitFor();
    const log = page.getByTestId('chat-log');
    await eventually(() => log.evaluate((el) => el.scrollHeight - el.scrollTop - el.clientHeight < 10)).toBe(
      true,
    );
    await log.getByText('npm publish --dry-run').waitFor();
  });

  it('is allowed and denied by keyboard, with the reason told', async () => {
    const story = addStory(harness.server.state);
    harness.server.emit(story, ...askForApproval(story));
    const page = await harness.open('/tasks/story');
    const card = page.getByTestId('approval-card');
    await card.getByText('npm publish --dry-run').waitFor();
    await page.getByText('Ask mode: commands need your approval').waitFor();
    await page.keyboard.press('Escape');
    await page.getByLabel('Why not, or what instead').fill('not from here');
    await page.keyboard.press('Enter');
    await eventually(() => card.count()).toBe(0);
    expect(story.approvals[0]).toMatchObject({ status: 'denied', note: 'not from here' });

    harness.server.emit(
      story,
      ...askForApproval(story).map((event) =>
        event.type === 'approval-requested'
          ? { ...event, approval: { ...event.approval, id: 'approval-2' } }
          : event,
      ),
    );
    story.approvals.push({ ...(story.approvals[1] ?? fail()), id: 'approval-2' });
    await card.waitFor();
    await page.keyboard.press('Enter');
    await eventually(() => card.count()).toBe(0);
    expect(story.approvals.find(({ id }) => id === 'approval-2')?.status).toBe('allowed');
  });

  it('stops by button and by Esc, and queues what is typed while the agent works', async () => {
    addStory(harness.server.state);
    const page = await harness.open('/tasks/story');
    await page.getByTestId('stop-button').waitFor();
    await page.getByTestId('composer-input').fill('and then this');
    await page.getByRole('button', { name: 'Queue' }).click();
    await page.getByTestId('chat-log').getByText('and then this').waitFor();
    expect(await page.getByTestId('composer-input').inputValue()).toBe('');
    await page.getByTestId('chat-log').focus();
    await page.keyboard.press('Escape');
    await page.getByTestId('status').getByText('Stopped').waitFor();
    await page.getByTestId('composer-send').waitFor();
  });

  it('shows its changes, keeps huge files closed, and ticks off what was viewed', async () => {
    addStory(harness.server.state);
    const page = await harness.open('/tasks/story');
    const file = page.getByTestId('diff-file').and(page.locator('[data-path="src/parse.js"]'));
    await file.getByText('for (const match of').waitFor();
    const lock = page.locator('[data-path="package-lock.json"]');
    await lock.getByText('Generated file: 508 changed lines').waitFor();
    await file.getByRole('checkbox', { name: 'Viewed' }).check();
    await eventually(() => file.getByText('for (const match of').count()).toBe(0);
    await page.reload();
    await eventually(() => page.getByRole('checkbox', { name: 'Viewed' }).first().isChecked()).toBe(true);
  });

  it('refuses to delete unsaved work until it is discarded in so many words', async () => {
    addStory(harness.server.state);
    harness.server.state.unsaved.add('story');
    const page = await harness.open('/tasks/story');
    await page.getByTestId('task-menu').click();
    await page.getByRole('menuitem', { name: 'Delete…' }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByTestId('delete-dialog').getByText('2 commits that are nowhere else').waitFor();
    await page.getByRole('button', { name: 'Discard work and delete' }).click();
    await page.getByRole('heading', { name: 'What should be done?' }).waitFor();
    expect(harness.server.state.tasks.has('story')).toBe(false);
  });

  it('says so when there is no such task', async () => {
    const page = await harness.open('/tasks/gone');
    await page.getByText('There is nothing at this address').waitFor();
  });
});

function fail(): never {
  throw new Error('the story asks no second question');
}
