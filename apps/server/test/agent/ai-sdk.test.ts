import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type AiSdkRunnerOptions, createAiSdkRunner } from '../../src/agent/adapters/ai-sdk/ai-sdk-runner.ts';
import type { AgentRunner } from '../../src/agent/contract.ts';
import { pricingOf } from '../../src/agent/pricing.ts';
import { redactValues } from '../../src/agent/tools/redact.ts';
import { startAnthropicServer } from '../support/model-servers/anthropic-server.ts';
import { startOpenAiServer } from '../support/model-servers/openai-server.ts';
import type { ModelServer, ModelServerOptions, Replies } from '../support/model-servers/scripted-server.ts';
import { createMemoryTask, type MemoryTask } from './support/memory-turn.ts';

const KEY = 'sk-test-0123456789';

interface Stage {
  task: MemoryTask;
  server: ModelServer;
  runner: AgentRunner;
  /** Milliseconds that were waited between tries. */
  waits: number[];
}

async function stage(
  format: 'anthropic' | 'openai',
  replies: Replies,
  options: Partial<AiSdkRunnerOptions> = {},
  serverOptions: ModelServerOptions = {},
): Promise<Stage> {
  const task = await createMemoryTask();
  const start = format === 'anthropic' ? startAnthropicServer : startOpenAiServer;
  const server = await start({ replies, ...serverOptions });
  onTestFinished(async () => {
    await server.close();
    await task[Symbol.asyncDispose]();
  });
  const waits: number[] = [];
  const clock = {
    random: () => 0.5,
    sleep: async (milliseconds: number) => {
      waits.push(milliseconds);
    },
  };
  const model =
    format === 'anthropic'
      ? createAnthropic({ baseURL: server.url, apiKey: KEY })('claude-sonnet-4-5')
      : createOpenAICompatible({ name: 'local', baseURL: server.url, includeUsage: true })('qwen3');
  const runner = createAiSdkRunner({
    model,
    providerName: format === 'anthropic' ? 'Anthropic' : 'The endpoint',
    pricing: pricingOf('anthropic/claude-sonnet-4-5'),
    redact: redactValues([KEY]),
    clock,
    ...options,
  });
  task.say('Mend the parser');
  return { task, server, runner, waits };
}

const read = { tool: 'readFile', input: { path: 'src/parse-duration.js' } };
const edit = {
  tool: 'searchReplace',
  input: { path: 'src/parse-duration.js', oldText: '(\\d+)', newText: '(\\d+(?:\\.\\d+)?)' },
};
const test = { tool: 'executeCommand', input: { command: 'node --test' } };

describe.each(['anthropic', 'openai'] as const)('a turn over the %s wire format', (format) => {
  it('reads, edits, runs and finishes, with usage and cost of each step', async () => {
    const usage = { input: 1000, cached: 600, output: 50 };
    const { task, server, runner } = await stage(format, [
      { reasoning: 'I should look.', text: 'Looking.', calls: [read, test], usage },
      { calls: [edit], usage },
      { calls: [test], usage },
      { text: 'All tests pass.', usage },
    ]);
    expect(await task.run(runner)).toEqual({ status: 'completed' });
    expect(task.eventsOf('tool-result').map((event) => event.outcome)).toEqual(Array(4).fill('succeeded'));
    expect(task.eventsOf('tool-result').flatMap((event) => event.exitCode ?? [])).toEqual([1, 0]);
    expect(task.text()).toBe('Looking.All tests pass.');
    expect(
      task.deltas
        .filter(({ kind }) => kind === 'reasoning')
        .map(({ text }) => text)
        .join(''),
    ).toBe('I should look.');
    expect(await readFile(join(task.directory, 'src/parse-duration.js'), 'utf8')).toContain('(?:\\.\\d+)?');
    expect(task.usages).toHaveLength(4);
    // Anthropic counts cached input apart from input_tokens, OpenAI counts it in.
    const inputTokens = format === 'anthropic' ? 1600 : 1000;
    expect(task.usages[0]).toMatchObject({ inputTokens, outputTokens: 50, cachedTokens: 600 });
    const fresh = inputTokens - 600;
    expect(task.usages[0]?.costUsd).toBeCloseTo((fresh * 3 + 600 * 0.3 + 50 * 15) / 1e6, 10);
    expect(server.requests).toHaveLength(4);
    expect(server.requests[0]?.body.stream).toBe(true);
  });

  it('sends results of parallel calls back with the ids that it gave the calls', async () => {
    const { task, server, runner } = await stage(format, [
      { calls: [{ ...read, id: 'same' }] },
      { calls: [{ ...read, id: 'same' }] },
      { text: 'Done.' },
    ]);
    await task.run(runner);
    const ids = task.eventsOf('tool-call').map((event) => event.toolCallId);
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(JSON.stringify(server.requests[2]?.body)).toContain(id);
  });

  it('goes on after an approval without asking the model again', async () => {
    const { task, server, runner } = await stage(format, [
      { text: 'I edit.', calls: [edit] },
      { text: 'Done.' },
    ]);
    expect(await task.run(runner, { mode: 'ask' })).toEqual({ status: 'awaiting-approval' });
    const [id] = task.approvals.keys();
    task.approvals.set(id ?? '', { id: 'a', status: 'allowed', scope: 'once', note: null });
    expect(await task.run(runner, { mode: 'ask' })).toEqual({ status: 'completed' });
    expect(server.requests).toHaveLength(2);
    expect(task.messages.map(({ role }) => role).join(' ')).toBe('user assistant tool assistant');
  });

  it('lets the model mend malformed arguments', async () => {
    const { task, server, runner } = await stage(format, [
      { calls: [{ tool: 'readFile', arguments: '{"path": "src/uni' }] },
      { calls: [{ tool: 'readFile', input: { file: 'src/units.js' } }] },
      { calls: [{ tool: 'openFile', input: {} }] },
      { calls: [read] },
      { text: 'Done.' },
    ]);
    expect(await task.run(runner)).toEqual({ status: 'completed' });
    expect(task.eventsOf('tool-result').map((event) => event.outcome)).toEqual([
      'invalid',
      'invalid',
      'invalid',
      'succeeded',
    ]);
    expect(JSON.stringify(server.requests[1]?.body)).toContain('not valid JSON');
    expect(JSON.stringify(server.requests[2]?.body)).toContain('path');
    expect(JSON.stringify(server.requests[3]?.body)).toContain('There is no tool');
  });

  it('stops at once, keeps the text up to there and the usage of the steps before', async () => {
    const { task, runner } = await stage(format, [
      { calls: [read] },
      { text: 'This goes on and on', hang: true },
    ]);
    const outcome = await task.run(runner, {
      onDelta: ({ text }) => {
        if (text.includes('on')) task.stop();
      },
    });
    expect(outcome).toEqual({ status: 'stopped' });
    expect(task.usages).toHaveLength(1);
    expect(task.messages.at(-1)).toMatchObject({ role: 'assistant', parts: [{ type: 'text' }] });
    expect(task.eventsOf('message-finished').at(-1)?.complete).toBe(false);
  });

  it('goes on from the text of a stream that was cut', async () => {
    const { task, server, runner } = await stage(format, [
      { text: 'Half an ans', cut: true },
      { text: 'wer.' },
    ]);
    expect(await task.run(runner)).toEqual({ status: 'completed' });
    expect(task.eventsOf('message-finished').map((event) => event.complete)).toEqual([false, true]);
    expect(task.eventsOf('notice')[0]?.message).toContain('cut off');
    expect(server.requests[1]?.body.messages.map(({ role }: { role: string }) => role).slice(-3)).toEqual([
      'user',
      'assistant',
      'user',
    ]);
  });

  it('gives up after a third cut, with what was said kept', async () => {
    const { task, server, runner } = await stage(format, () => ({ text: 'Half', cut: true }));
    expect(await task.run(runner)).toMatchObject({ status: 'failed', error: { code: 'STREAM_INTERRUPTED' } });
    expect(server.requests).toHaveLength(3);
    expect(task.messages.filter(({ role }) => role === 'assistant')).toHaveLength(3);
  });

  it('tells a refused key with the words of the provider and without the key', async () => {
    const { task, server, runner } = await stage(format, [
      { status: 401, type: 'authentication_error', message: `bad key ${KEY}` },
    ]);
    const outcome = await task.run(runner);
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'PROVIDER_AUTH_FAILED' } });
    expect(JSON.stringify(outcome)).toContain('bad key [redacted]');
    expect(server.requests).toHaveLength(1);
  });

  it('waits as long as a rate limit asks and says so', async () => {
    const { task, runner, waits } = await stage(format, [
      { status: 429, type: 'rate_limit_error', message: 'slow down', headers: { 'retry-after': '7' } },
      { text: 'Done.' },
    ]);
    expect(await task.run(runner)).toEqual({ status: 'completed' });
    expect(waits).toEqual([7000]);
    expect(task.eventsOf('notice')[0]?.message).toContain('slow down (HTTP 429) Trying again in 7.0 s.');
  });

  it.each([
    [529, 'overloaded_error'],
    [503, 'server_error'],
  ])('backs off from overload (%i) and gives up in the end', async (status, type) => {
    const { task, runner, waits } = await stage(format, () => ({ status, type, message: 'busy' }));
    expect(await task.run(runner)).toMatchObject({
      status: 'failed',
      error: { code: 'PROVIDER_OVERLOADED' },
    });
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000]);
    expect(task.eventsOf('notice')).toHaveLength(6);
  });

  it('does not wait longer than a turn could', async () => {
    const { task, runner, waits } = await stage(format, () => ({
      status: 429,
      message: 'tomorrow',
      headers: { 'retry-after': '86400' },
    }));
    expect(await task.run(runner)).toMatchObject({
      status: 'failed',
      error: { code: 'PROVIDER_RATE_LIMITED' },
    });
    expect(waits).toEqual([]);
  });

  it('tells an unknown model', async () => {
    const { task, runner } = await stage(format, [
      { status: 404, type: 'not_found_error', message: 'model: x' },
    ]);
    expect(await task.run(runner)).toMatchObject({ status: 'failed', error: { code: 'MODEL_UNKNOWN' } });
  });

  it('tells a refused request with the words of the provider', async () => {
    const { task, runner } = await stage(format, [{ status: 400, message: 'prompt is too long' }]);
    expect(await task.run(runner)).toMatchObject({
      status: 'failed',
      error: { code: 'PROVIDER_FAILED', message: expect.stringContaining('prompt is too long (HTTP 400)') },
    });
  });

  it('tells an endpoint that cannot be reached', async () => {
    const { task, server, runner, waits } = await stage(format, []);
    await server.close();
    expect(await task.run(runner)).toMatchObject({
      status: 'failed',
      error: { code: 'PROVIDER_UNREACHABLE', message: expect.stringContaining('ECONNREFUSED') },
    });
    expect(waits).toEqual([1000, 2000]);
  });

  it('stops while it waits for a rate limit', async () => {
    const stopping = { random: () => 0.5, sleep: async () => task.stop() };
    const { task, server, runner } = await stage(format, () => ({ status: 429 }), { clock: stopping });
    expect(await task.run(runner)).toEqual({ status: 'stopped' });
    expect(server.requests).toHaveLength(1);
  });

  it('ends before the step that the budget does not cover', async () => {
    const { task, server, runner } = await stage(format, () => ({
      calls: [read],
      usage: { input: 100_000 },
    }));
    expect(await task.run(runner, { budgetUsd: 0.5 })).toEqual({ status: 'budget-exceeded' });
    expect(server.requests).toHaveLength(2);
    expect(task.messages.at(-1)?.role).toBe('tool');
  });

  it('refuses a budget that it cannot keep, before the first call', async () => {
    const { task, server, runner } = await stage(format, [{ text: 'Done.' }], { pricing: null });
    expect(await task.run(runner, { budgetUsd: 1 })).toMatchObject({
      status: 'failed',
      error: { code: 'UNSUPPORTED' },
    });
    expect(server.requests).toHaveLength(0);
    expect(await task.run(runner)).toEqual({ status: 'completed' });
    expect(task.usages[0]?.costUsd).toBeNull();
  });
});

describe('Anthropic', () => {
  it('gives reasoning back with its signature, and marks system and newest messages for the cache', async () => {
    const { task, server, runner } = await stage('anthropic', [
      { reasoning: 'Let me see.', calls: [read] },
      { text: 'Done.' },
    ]);
    await task.run(runner);
    const body = server.requests[1]?.body;
    expect(body.system[0].cache_control).toEqual({ type: 'ephemeral' });
    expect(body.messages[1].content[0]).toMatchObject({
      type: 'thinking',
      thinking: 'Let me see.',
      signature: 'signature-of-11',
    });
    expect(body.messages[2].content.at(-1).cache_control).toEqual({ type: 'ephemeral' });
    expect(server.requests[0]?.headers['x-api-key']).toBe(KEY);
  });

  it('goes on after an overload in the middle of an answer', async () => {
    const streamError = { type: 'overloaded_error', message: 'Overloaded' };
    const { task, runner } = await stage('anthropic', [{ text: 'Half', streamError }, { text: ' whole.' }]);
    expect(await task.run(runner)).toEqual({ status: 'completed' });
    expect(task.eventsOf('notice')[0]?.message).toContain('overloaded');
  });

  it('says so when the model declines', async () => {
    const { task, runner } = await stage('anthropic', [{ text: 'I cannot', stopReason: 'refusal' }]);
    expect(await task.run(runner)).toMatchObject({ status: 'failed', error: { code: 'PROVIDER_FAILED' } });
  });

  it('says so when the answer reached its largest length', async () => {
    const { task, runner } = await stage('anthropic', [{ text: 'Long', stopReason: 'max_tokens' }]);
    expect(await task.run(runner)).toEqual({ status: 'completed' });
    expect(task.eventsOf('notice')[0]?.message).toContain('largest length');
  });

  it('answers calls of a dead run before it goes on', async () => {
    const { task, server, runner } = await stage('anthropic', [{ text: 'I see.' }]);
    await task.journal.saveMessage({
      id: 'dead',
      role: 'assistant',
      parts: [{ type: 'tool-call', toolCallId: 'call_dead', tool: 'readFile', input: { path: 'a' } }],
    });
    task.say('Go on');
    expect(await task.run(runner)).toEqual({ status: 'completed' });
    const sent = server.requests[0]?.body.messages;
    expect(sent[2].content[0]).toMatchObject({
      type: 'tool_result',
      tool_use_id: 'call_dead',
      is_error: true,
    });
  });
});

describe('an OpenAI-compatible endpoint', () => {
  it('is called without a key', async () => {
    const { task, server, runner } = await stage('openai', [{ text: 'Hi.' }]);
    await task.run(runner);
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
    expect(server.requests[0]?.body.stream_options).toEqual({ include_usage: true });
  });

  it('does not wait for an account without credit', async () => {
    const { task, runner, waits } = await stage('openai', [
      { status: 429, type: 'insufficient_quota', message: 'You exceeded your current quota' },
    ]);
    expect(await task.run(runner)).toMatchObject({
      status: 'failed',
      error: { code: 'PROVIDER_RATE_LIMITED' },
    });
    expect(waits).toEqual([]);
  });
});
