import { cp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TaskEvent } from '@shadow/protocol';
import { describe, expect, it } from 'vitest';
import { git, makeRepository, temporaryDirectory } from '../support/git-repository.ts';
import { startAnthropicServer } from '../support/model-servers/anthropic-server.ts';
import { startOpenAiServer } from '../support/model-servers/openai-server.ts';
import type { ModelReply, ModelServer } from '../support/model-servers/scripted-server.ts';
import { runTask, startServer, workspacesOf } from '../support/running-server.ts';

const REPOSITORY = fileURLToPath(new URL('../../../..', import.meta.url));

/** A model's part: it looks, edits, runs the package's own file, sees a failure, mends it, and finishes. */
function mendMs(usage: NonNullable<ModelReply['usage']>): ModelReply[] {
  const run = {
    command: `node -e "const ms = require('./index.js'); if (ms('2 fortnights') !== 2419200000) throw new Error('wrong: ' + ms('2 fortnights')); console.log('ok')"`,
  };
  return [
    {
      reasoning: 'Where are weeks handled?',
      text: 'I look for weeks first.',
      usage,
      calls: [{ tool: 'grepSearch', input: { pattern: "case 'weeks'" } }],
    },
    { usage, calls: [{ tool: 'readFile', input: { path: 'index.js' } }] },
    {
      usage,
      calls: [
        {
          tool: 'searchReplace',
          input: {
            path: 'index.js',
            oldText: "    case 'weeks':",
            newText: "    case 'fortnights':\n      return n * w;\n    case 'weeks':",
          },
        },
        { tool: 'executeCommand', input: run },
      ],
    },
    {
      text: 'It fails: the unit is not in the pattern, and a fortnight is two weeks.',
      usage,
      calls: [
        {
          tool: 'searchReplace',
          input: {
            path: 'index.js',
            oldText: "return n * w;\n    case 'weeks'",
            newText: "return n * w * 2;\n    case 'weeks'",
          },
        },
        {
          tool: 'searchReplace',
          input: { path: 'index.js', oldText: 'weeks?|w|', newText: 'fortnights?|weeks?|w|' },
        },
        { tool: 'executeCommand', input: run },
      ],
    },
    { text: 'Done: `ms` knows fortnights.', usage },
  ];
}

async function packageRepository(directory: string): Promise<string> {
  const source = dirname(createRequire(import.meta.url).resolve('ms/package.json'));
  await cp(source, directory, { recursive: true });
  return makeRepository(directory, {});
}

function results(events: TaskEvent[], tool: string) {
  return events.flatMap((event) => (event.type === 'tool-result' && event.tool === tool ? [event] : []));
}

function environmentFor(format: 'anthropic' | 'openai-compatible', url: string): Record<string, string> {
  return format === 'anthropic'
    ? { ANTHROPIC_API_KEY: 'sk-ant-test-key-0123456789', ANTHROPIC_BASE_URL: url }
    : { OPENAI_COMPATIBLE_BASE_URL: url };
}

async function startModel(
  format: 'anthropic' | 'openai-compatible',
  replies: ModelReply[],
): Promise<ModelServer> {
  const options = { replies, models: ['test-model', 'claude-sonnet-4-5'] };
  return format === 'anthropic' ? startAnthropicServer(options) : startOpenAiServer(options);
}

describe.each([
  { format: 'anthropic', model: 'anthropic/claude-sonnet-4-5', costs: true },
  { format: 'openai-compatible', model: 'openai-compatible/test-model', costs: false },
] as const)(
  'a task on a real package with a model over the $format wire format',
  ({ format, model, costs }) => {
    it('greps, reads, edits, runs, sees a failure, mends it, and leaves a commit to review', async () => {
      await using directory = await temporaryDirectory();
      const repository = await packageRepository(join(directory.path, 'ms'));
      await using provider = await startModel(format, mendMs({ input: 1000, output: 200, cached: 400 }));
      await using server = await startServer(
        join(directory.path, 'home'),
        environmentFor(format, provider.url),
      );
      const { task, events } = await runTask(server, { repository, prompt: 'Teach ms fortnights', model });

      expect(task).toMatchObject({ status: 'ready-for-review', baseBranch: 'main', error: null });
      expect(task.branch).toMatch(/^shadow\/teach-ms-fortnights-[0-9a-f]{8}$/);
      expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
      expect(results(events, 'executeCommand').map((event) => event.exitCode)).toEqual([1, 0]);
      expect(results(events, 'grepSearch')[0]).toMatchObject({ outcome: 'succeeded' });

      // The branch, by plain git in the working copy.
      const copies = join(workspacesOf(server.home), task.id, 'repo');
      expect(await git(copies, 'rev-parse', '--abbrev-ref', 'HEAD')).toBe(task.branch);
      expect(await git(copies, 'status', '--porcelain')).toBe('');
      expect(await git(copies, 'rev-parse', 'HEAD')).toBe(task.headCommit);
      expect(await git(copies, 'rev-list', '--count', `${task.baseCommit}..HEAD`)).toBe('1');
      expect(await git(copies, 'show', 'HEAD:index.js')).toContain('return n * w * 2;');

      const params = { taskId: task.id };
      const diff = await server.api.getDiff({ params });
      expect(diff.files.map((file) => [file.path, file.status])).toEqual([['index.js', 'modified']]);
      expect(diff.files[0]?.patch).toContain("+    case 'fortnights':");
      expect([diff.additions, diff.deletions]).toEqual([task.additions, task.deletions]);

      const { toolCalls } = await server.api.listToolCalls({ params });
      expect(toolCalls.map((call) => call.tool)).toEqual([
        'grepSearch',
        'readFile',
        'searchReplace',
        'executeCommand',
        'searchReplace',
        'searchReplace',
        'executeCommand',
      ]);
      expect(new Set(toolCalls.map((call) => call.decision))).toEqual(new Set(['allow']));

      const { executions } = await server.api.listExecutions({ params });
      expect(executions).toMatchObject([
        { status: 'completed', stepsCount: 5, toolCallsCount: 7, runner: 'ai-sdk' },
      ]);
      expect(task.usage).toMatchObject({ outputTokens: 1000, cachedTokens: 2000 });
      expect((task.usage.costUsd ?? 0) > 0).toBe(costs);
      // The model was given back what its tools said.
      expect(JSON.stringify(provider.requests[3]?.body.messages)).toContain('wrong: ');
      expect(server.log()).not.toContain('sk-ant-test-key');
      expect(JSON.stringify(events)).not.toContain('sk-ant-test-key');
    });
  },
);

describe('a task on this repository itself', () => {
  it('reads and edits it on a branch of its own and leaves the original as it was', async () => {
    await using directory = await temporaryDirectory();
    // A clone with what is here, committed or not: the repository under test is not touched.
    const repository = join(directory.path, 'shadow');
    await git(directory.path, 'clone', '--quiet', '--no-hardlinks', REPOSITORY, repository);
    const before = await git(repository, 'rev-parse', 'HEAD');
    const replies: ModelReply[] = [
      {
        calls: [
          { tool: 'searchFiles', input: { query: 'errors.ts' } },
          { tool: 'grepSearch', input: { pattern: 'ERROR_STATUS', literal: true } },
        ],
      },
      {
        calls: [
          { tool: 'readFile', input: { path: 'packages/protocol/src/errors.ts', startLine: 1, endLine: 20 } },
        ],
      },
      {
        calls: [
          {
            tool: 'writeFile',
            input: { path: 'docs/errors.md', content: '# Errors\n\nSee packages/protocol/src/errors.ts.\n' },
          },
        ],
      },
      { calls: [{ tool: 'executeCommand', input: { command: 'git status --short && ls docs' } }] },
      { text: 'Documented the errors.' },
    ];
    await using provider = await startAnthropicServer({ replies });
    await using server = await startServer(
      join(directory.path, 'home'),
      environmentFor('anthropic', provider.url),
    );
    const { task, events } = await runTask(server, {
      repository,
      prompt: 'Document the error codes',
      model: 'anthropic/claude-sonnet-4-5',
    });

    expect(task).toMatchObject({ status: 'ready-for-review', error: null });
    expect(results(events, 'executeCommand')[0]?.preview).toContain('?? docs/errors.md');
    expect(results(events, 'readFile')[0]?.preview).toContain('ERROR_STATUS');
    expect(
      (await server.api.getDiff({ params: { taskId: task.id } })).files.map((file) => file.path),
    ).toEqual(['docs/errors.md']);
    expect(await git(repository, 'rev-parse', 'HEAD')).toBe(before);
    expect(await git(repository, 'status', '--porcelain')).toBe('');
  });
});
