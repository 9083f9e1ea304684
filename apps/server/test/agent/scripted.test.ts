import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createScriptedModels } from '../../src/agent/adapters/scripted/index.ts';
import type { Script } from '../../src/agent/adapters/scripted/script.ts';
import { instantClock } from '../../src/agent/adapters/scripted/scripted-runner.ts';
import type { AgentRunner } from '../../src/agent/contract.ts';
import { createMemoryTask, type MemoryTask } from './support/memory-turn.ts';

async function makeTask(repository: 'sample' | 'empty' = 'sample'): Promise<MemoryTask> {
  const task = await createMemoryTask(repository);
  onTestFinished(() => task[Symbol.asyncDispose]());
  return task;
}

function runnerOf(script?: Script): AgentRunner {
  const models = createScriptedModels({
    clock: instantClock,
    ...(script ? { scripts: { test: script } } : {}),
  });
  const runner = models.createRunner(script === undefined ? 'demo' : 'test');
  if (runner === null) throw new Error('no such script');
  return runner;
}

function allow(task: MemoryTask): void {
  for (const [id, approval] of task.approvals) {
    if (approval.status === 'pending')
      task.approvals.set(id, { ...approval, status: 'allowed', scope: 'once' });
  }
}

const parser = (task: MemoryTask) => readFile(join(task.directory, 'src/parse-duration.js'), 'utf8');

describe('the demo on the sample', () => {
  it('sees the tests fail, mends the cause, sees them pass and sums up', async () => {
    const task = await makeTask();
    task.say('Fix the failing test');
    expect(await task.run(runnerOf())).toEqual({ status: 'completed' });
    const runs = task.eventsOf('tool-result').filter((event) => event.tool === 'executeCommand');
    expect(runs.map((event) => event.exitCode)).toEqual([1, 0]);
    expect(await parser(task)).toContain('(\\d+(?:\\.\\d+)?)');
    expect(
      task
        .eventsOf('todo')
        .at(-1)
        ?.items.every((item) => item.status === 'completed'),
    ).toBe(true);
    expect(task.text()).toContain('passes now');
    expect(task.deltas.length).toBeGreaterThan(50);
    expect(task.eventsOf('message-finished').every((event) => event.complete)).toBe(true);
  });

  it('asks for each command and change in ask mode and goes on after each answer', async () => {
    const task = await makeTask();
    task.say('Fix the failing test');
    let turns = 0;
    for (
      let outcome = await task.run(runnerOf(), { mode: 'ask' });
      outcome.status === 'awaiting-approval';
    ) {
      allow(task);
      turns += 1;
      outcome = await task.run(runnerOf(), { mode: 'ask' });
    }
    expect(turns).toBe(3);
    expect(task.eventsOf('approval-requested').map(({ approval }) => approval.tool)).toEqual([
      'executeCommand',
      'searchReplace',
      'executeCommand',
    ]);
    expect(await parser(task)).toContain('(?:\\.\\d+)?');
    expect(task.text()).toContain('passes now');
  });

  it('only proposes the change in plan mode', async () => {
    const task = await makeTask();
    const before = await parser(task);
    task.say('Fix the failing test');
    expect(await task.run(runnerOf(), { mode: 'plan' })).toEqual({ status: 'completed' });
    expect(await parser(task)).toBe(before);
    expect(task.text()).toContain('The change was not made.');
    expect(task.text()).not.toContain('passes now');
  });

  it('answers a follow-up honestly and with a real look', async () => {
    const task = await makeTask();
    task.say('Fix the failing test');
    await task.run(runnerOf());
    task.say('What does UNITS hold?');
    expect(await task.run(runnerOf())).toEqual({ status: 'completed' });
    expect(task.eventsOf('tool-call').at(-2)).toMatchObject({ tool: 'grepSearch', target: 'UNITS' });
    expect(task.text()).toContain('"UNITS" occurs in 6 files');
  });
});

describe('the demo elsewhere', () => {
  it('tells what it sees, leaves a note and shows the state', async () => {
    const task = await makeTask('empty');
    await writeFile(join(task.directory, 'README.md'), '# Something else\n\ntext\n');
    await writeFile(join(task.directory, 'main.c'), 'int main(void) { return 0; }\n');
    task.say('Improve it');
    expect(await task.run(runnerOf())).toEqual({ status: 'completed' });
    expect(task.text()).toContain('`README.md`, `main.c`');
    expect(task.text()).toContain('headed "Something else"');
    expect(await readFile(join(task.directory, 'SHADOW_DEMO.md'), 'utf8')).toContain('Something else');
    expect(task.eventsOf('tool-call').at(-1)).toMatchObject({ tool: 'executeCommand' });
  });

  it('leaves a note that is there already alone', async () => {
    const task = await makeTask('empty');
    await writeFile(join(task.directory, 'SHADOW_DEMO.md'), 'mine\n');
    task.say('Improve it');
    expect(await task.run(runnerOf())).toEqual({ status: 'completed' });
    expect(await readFile(join(task.directory, 'SHADOW_DEMO.md'), 'utf8')).toBe('mine\n');
    expect(task.text()).toContain('is unchanged');
  });

  it('does not claim a note that it was not allowed to write', async () => {
    const task = await makeTask('empty');
    task.say('Improve it');
    expect(await task.run(runnerOf(), { mode: 'plan' })).toEqual({ status: 'completed' });
    expect(task.text()).toContain('The repository is empty.');
    expect(task.text()).toContain('The note was not written');
    await expect(stat(join(task.directory, 'SHADOW_DEMO.md'))).rejects.toThrow('ENOENT');
  });
});

describe('scripts of the caller', () => {
  const script: Script = {
    turns: [
      [{ reasoning: 'hm', text: 'One.', calls: [{ tool: 'listDirectory', input: {} }] }, { text: 'Two.' }],
      [{ text: 'Again.' }],
    ],
  };

  it('play turn after turn', async () => {
    const task = await makeTask();
    for (const prompt of ['a', 'b', 'c']) {
      task.say(prompt);
      await task.run(runnerOf(script));
    }
    expect(task.text()).toBe('One.Two.Again.Again.');
    expect(task.messages.map((message) => message.role).join(' ')).toBe(
      'user assistant tool assistant user assistant user assistant',
    );
  });

  it('come from a fenced block of the prompt', async () => {
    const task = await makeTask();
    const steps = [
      { text: 'Writing.', calls: [{ tool: 'writeFile', input: { path: 'a', content: 'x' } }] },
      { text: 'Done.' },
    ];
    task.say(`Please do:\n\n\`\`\`shadow-script\n${JSON.stringify({ steps })}\n\`\`\`\nthanks`);
    expect(await task.run(runnerOf())).toEqual({ status: 'completed' });
    expect(await readFile(join(task.directory, 'a'), 'utf8')).toBe('x');
    expect(task.text()).toBe('Writing.Done.');
  });

  it.each(['{ "steps": [', '{ "steps": [{ "say": "hi" }] }'])(
    'are refused when malformed: %s',
    async (block) => {
      const task = await makeTask();
      task.say(`\`\`\`shadow-script\n${block}\n\`\`\``);
      expect(await task.run(runnerOf())).toMatchObject({
        status: 'failed',
        error: { code: 'VALIDATION_FAILED' },
      });
    },
  );

  it('fail where the script says so, with the text kept', async () => {
    const task = await makeTask();
    task.say('go');
    const error = { code: 'PROVIDER_OVERLOADED' as const, message: 'too busy' };
    expect(await task.run(runnerOf({ turns: [[{ text: 'Well', error }]] }))).toEqual({
      status: 'failed',
      error,
    });
    expect(task.messages.at(-1)).toMatchObject({ role: 'assistant', parts: [{ text: 'Well' }] });
    expect(task.eventsOf('message-finished')).toMatchObject([{ complete: false }]);
  });
});

describe('the step loop', () => {
  const usage = { inputTokens: 10, outputTokens: 5, cachedTokens: 0, reasoningTokens: 0, costUsd: 0.4 };
  const list = { tool: 'listDirectory', input: {} };

  it('stops before the step that the budget no longer covers, with the calls before it answered', async () => {
    const task = await makeTask();
    task.say('go');
    const steps = Array.from({ length: 5 }, () => ({ text: 'x', calls: [list], usage }));
    expect(await task.run(runnerOf({ turns: [steps] }), { budgetUsd: 1 })).toEqual({
      status: 'budget-exceeded',
    });
    expect(task.usages).toHaveLength(3);
    expect(task.messages.at(-1)?.role).toBe('tool');
  });

  it('completes when the last step crosses the budget', async () => {
    const task = await makeTask();
    task.say('go');
    expect(await task.run(runnerOf({ turns: [[{ text: 'x', usage }]] }), { budgetUsd: 0.1 })).toEqual({
      status: 'completed',
    });
  });

  it('keeps the text up to a stop and marks it incomplete', async () => {
    const task = await makeTask();
    task.say('go');
    const outcome = await task.run(runnerOf({ turns: [[{ text: 'one two three four', calls: [list] }]] }), {
      onDelta: ({ text }) => {
        if (text.includes('two')) task.stop();
      },
    });
    expect(outcome).toEqual({ status: 'stopped' });
    expect(task.messages.at(-1)).toMatchObject({ role: 'assistant', parts: [{ type: 'text' }] });
    expect(task.text()).not.toContain('four');
    expect(task.eventsOf('message-finished')).toMatchObject([{ complete: false }]);
  });

  it('gives every call a result when it is stopped between calls', async () => {
    const task = await makeTask();
    task.say('go');
    const outcome = await task.run(
      runnerOf({ turns: [[{ calls: [list, list, list] }, { text: 'never' }]] }),
      {
        onEvent: (event) => {
          if (event.type === 'tool-result') task.stop();
        },
      },
    );
    expect(outcome).toEqual({ status: 'stopped' });
    expect(task.eventsOf('tool-result').map((event) => event.outcome)).toEqual([
      'succeeded',
      'cancelled',
      'cancelled',
    ]);
    expect(task.messages.filter((message) => message.role === 'tool')).toHaveLength(3);
  });

  it('goes on with the calls that are open, not with those that are answered', async () => {
    const task = await makeTask();
    task.say('go');
    const write = { tool: 'writeFile', input: { path: 'a', content: 'x' } };
    const script = { turns: [[{ calls: [list, write, list] }, { text: 'end' }]] };
    expect(await task.run(runnerOf(script), { mode: 'ask' })).toEqual({ status: 'awaiting-approval' });
    expect(task.eventsOf('tool-result')).toHaveLength(1);
    allow(task);
    expect(await task.run(runnerOf(script), { mode: 'ask' })).toEqual({ status: 'completed' });
    expect(task.eventsOf('tool-result')).toHaveLength(3);
    expect(task.eventsOf('tool-call')).toHaveLength(3);
  });

  it('ends a turn that comes to no end', async () => {
    const task = await makeTask();
    task.say('go');
    const steps = Array.from({ length: 250 }, () => ({
      calls: [{ tool: 'todoWrite', input: { items: [] } }],
    }));
    expect(await task.run(runnerOf({ turns: [steps] }))).toMatchObject({
      status: 'failed',
      error: { code: 'RESOURCE_LIMIT' },
    });
    expect(task.messages).toHaveLength(401);
  });
});
