import type { Message, MessagePart } from '@shadow/protocol';
import { describe, expect, it } from 'vitest';
import { toModelMessages } from '../../src/agent/adapters/ai-sdk/prompt.ts';
import { openCalls, repairConversation } from '../../src/agent/conversation.ts';
import { FREE, pricingOf, usageOf } from '../../src/agent/pricing.ts';

type Turn = Pick<Message, 'role' | 'parts'>;

const say = (role: Message['role'], text: string): Turn => ({ role, parts: [{ type: 'text', text }] });
const calls = (...ids: string[]): Turn => ({
  role: 'assistant',
  parts: ids.map(
    (toolCallId): MessagePart => ({ type: 'tool-call', toolCallId, tool: 'readFile', input: {} }),
  ),
});
const result = (toolCallId: string): Turn => ({
  role: 'tool',
  parts: [{ type: 'tool-result', toolCallId, tool: 'readFile', output: 'x', isError: false }],
});

describe('a history', () => {
  it('that is whole stays as it is', () => {
    const history = [say('user', 'a'), calls('1', '2'), result('1'), result('2'), say('assistant', 'b')];
    expect(repairConversation(history)).toEqual(history);
  });

  it('gets results for calls that were left open, before what follows them', () => {
    const repaired = repairConversation([say('user', 'a'), calls('1', '2'), result('1'), say('user', 'b')]);
    expect(repaired.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'tool', 'user']);
    expect(repaired[3]?.parts).toMatchObject([{ toolCallId: '2', isError: true }]);
  });

  it('keeps calls open that nothing follows', () => {
    const history = [say('user', 'a'), calls('1', '2'), result('1')];
    expect(openCalls(repairConversation(history)).map((call) => call.toolCallId)).toEqual(['2']);
  });

  it('loses results without a call, second results and empty messages', () => {
    const history = [
      say('user', 'a'),
      result('0'),
      calls('1'),
      result('1'),
      result('1'),
      { role: 'assistant', parts: [] } satisfies Turn,
      say('user', 'b'),
    ];
    expect(repairConversation(history)).toEqual([
      say('user', 'a'),
      calls('1'),
      result('1'),
      say('user', 'b'),
    ]);
  });
});

describe('a prompt', () => {
  const rolesOf = (turns: Turn[]) => toModelMessages(turns).map(({ role }) => role);

  it('answers parallel calls in one message', () => {
    expect(rolesOf([say('user', 'a'), calls('1', '2'), result('1'), result('2')])).toEqual([
      'user',
      'assistant',
      'tool',
    ]);
  });

  it('asks to go on after a message that was cut off, in the same place each time', () => {
    const cut = [say('user', 'a'), say('assistant', 'half')];
    expect(rolesOf(cut)).toEqual(['user', 'assistant', 'user']);
    expect(rolesOf([...cut, say('assistant', 'whole'), say('user', 'b')])).toEqual([
      'user',
      'assistant',
      'user',
      'assistant',
      'user',
    ]);
  });

  it('gives arguments that were no object back inside of one', () => {
    const parts: MessagePart[] = [{ type: 'tool-call', toolCallId: '1', tool: 'x', input: '{"a' }];
    const [, assistant] = toModelMessages([say('user', 'a'), { role: 'assistant', parts }, result('1')]);
    expect(assistant?.content).toMatchObject([{ input: { invalidArguments: '{"a' } }]);
  });
});

describe('the price of a call', () => {
  const tokens = { input: 100_000, output: 1000, cacheRead: 60_000, cacheWrite: 20_000, reasoning: 200 };

  it('tells fresh, cached and written input apart', () => {
    const usage = usageOf(tokens, pricingOf('anthropic/claude-sonnet-4-6'));
    expect(usage.costUsd).toBeCloseTo((20_000 * 3 + 60_000 * 0.3 + 20_000 * 3.75 + 1000 * 15) / 1e6, 10);
    expect(usage).toMatchObject({ cachedTokens: 60_000, reasoningTokens: 200 });
  });

  it('is higher for a long prompt where the provider has it so', () => {
    const pricing = pricingOf('anthropic/claude-haiku-5-5');
    const short = usageOf({ ...tokens, cacheRead: 0, cacheWrite: 0 }, pricing);
    const long = usageOf({ ...tokens, input: 100_001, cacheRead: 0, cacheWrite: 0 }, pricing);
    expect(short.costUsd).toBeCloseTo(0.0105, 10);
    expect(long.costUsd).toBeCloseTo((100_001 * 0.5 + 1000 * 2.5) / 1e6, 10);
  });

  it('is known for dated snapshots, unknown for other models, and nothing where nobody bills', () => {
    expect(pricingOf('anthropic/claude-haiku-4-5-20251001')).toEqual(pricingOf('anthropic/claude-haiku-4-5'));
    expect(pricingOf('openai/gpt-5-2025-08-07')).toEqual(pricingOf('openai/gpt-5'));
    expect(usageOf(tokens, pricingOf('openai/unheard-of')).costUsd).toBeNull();
    expect(usageOf(tokens, FREE).costUsd).toBe(0);
  });
});
