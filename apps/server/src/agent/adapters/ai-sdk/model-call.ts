import { randomUUID } from 'node:crypto';
import { type MessagePart, ReasoningPart } from '@shadow/protocol';
import { type LanguageModel, streamText, type ToolSet, tool } from 'ai';
import type { ToolDescription, TurnJournal } from '../../contract.ts';
import type { TokenCounts } from '../../pricing.ts';
import type { StepRequest } from '../../steps.ts';
import { toInstructions, toModelMessages } from './prompt.ts';

/** Per-provider options of a call, as the SDK takes them. */
export type ProviderOptions = NonNullable<Parameters<typeof streamText>[0]['providerOptions']>;

/** One call of a model. */
export interface ModelCall {
  model: LanguageModel;
  systemPrompt: string;
  tools: readonly ToolDescription[];
  providerOptions: ProviderOptions | undefined;
  maxOutputTokens: number | undefined;
}

/** What a call brought, whole or in part. */
export interface ModelAnswer {
  parts: MessagePart[];
  tokens: TokenCounts | null;
  finishReason: string | null;
  /** True once anything of the answer had come. */
  started: boolean;
  /** What went wrong, as it was thrown; undefined when nothing did. */
  failure: unknown;
}

type StreamPart =
  ReturnType<typeof streamText<ToolSet>>['stream'] extends AsyncIterable<infer Part> ? Part : never;

/**
 * Calls a model once and streams what it says into the journal. Never throws: a failure is part of the answer.
 * @param call model, prompt and tools
 * @param request conversation, message id and signal of the step
 * @param journal where deltas go
 */
export async function callModel(
  call: ModelCall,
  request: StepRequest,
  journal: TurnJournal,
): Promise<ModelAnswer> {
  const answer: ModelAnswer = {
    parts: [],
    tokens: null,
    finishReason: null,
    started: false,
    failure: undefined,
  };
  try {
    const { stream } = streamText({
      model: call.model,
      instructions: toInstructions(call.systemPrompt),
      messages: toModelMessages(request.conversation),
      tools: toToolSet(call.tools),
      maxRetries: 0,
      abortSignal: request.signal,
      // The stream carries the error too; the default would print it, prompt and all.
      onError: () => undefined,
      ...(call.providerOptions === undefined ? {} : { providerOptions: call.providerOptions }),
      ...(call.maxOutputTokens === undefined ? {} : { maxOutputTokens: call.maxOutputTokens }),
    });
    for await (const part of stream) take(part, answer, request.messageId, journal);
  } catch (thrown) {
    answer.failure ??= thrown;
  }
  answer.parts = answer.parts.filter(isWorthKeeping);
  return answer;
}

function toToolSet(tools: readonly ToolDescription[]): ToolSet {
  return Object.fromEntries(
    tools.map(({ name, description, inputSchema }) => [name, tool({ description, inputSchema })]),
  );
}

function take(part: StreamPart, answer: ModelAnswer, messageId: string, journal: TurnJournal): void {
  switch (part.type) {
    case 'text-start':
      answer.parts.push({ type: 'text', text: '' });
      break;
    case 'text-delta':
      answer.started = true;
      extend(answer.parts, 'text', part.text);
      journal.delta(messageId, 'text', part.text);
      break;
    case 'reasoning-start':
      answer.parts.push({ type: 'reasoning', text: '' });
      keepMetadata(answer.parts, part.providerMetadata);
      break;
    case 'reasoning-delta':
      answer.started = true;
      extend(answer.parts, 'reasoning', part.text);
      keepMetadata(answer.parts, part.providerMetadata);
      if (part.text !== '') journal.delta(messageId, 'reasoning', part.text);
      break;
    case 'reasoning-end':
      keepMetadata(answer.parts, part.providerMetadata);
      break;
    case 'tool-input-start':
      answer.started = true;
      break;
    case 'tool-call':
      answer.started = true;
      // Ids of our own: some local servers number theirs from zero in each answer.
      answer.parts.push({
        type: 'tool-call',
        toolCallId: newCallId(),
        tool: part.toolName,
        input: part.input,
      });
      break;
    case 'finish-step':
      answer.finishReason = part.finishReason;
      answer.tokens = countTokens(part.usage);
      break;
    case 'error':
      answer.failure ??= part.error;
      break;
  }
}

function newCallId(): string {
  return `call_${randomUUID().replaceAll('-', '')}`;
}

function extend(parts: MessagePart[], type: 'text' | 'reasoning', text: string): void {
  const last = parts.findLast((part) => part.type === type);
  if (last?.type === type) last.text += text;
  else parts.push({ type, text });
}

/** Signatures and the like, which a provider wants back with its reasoning. */
function keepMetadata(parts: MessagePart[], metadata: unknown): void {
  const last = parts.findLast((part) => part.type === 'reasoning');
  const parsed = ReasoningPart.shape.providerMetadata.safeParse(metadata);
  if (last === undefined || !parsed.success || parsed.data === undefined) return;
  const merged = { ...last.providerMetadata };
  for (const [provider, values] of Object.entries(parsed.data)) {
    merged[provider] = { ...merged[provider], ...values };
  }
  last.providerMetadata = merged;
}

/** Empty blocks are refused by providers; reasoning may be empty where only its signature counts. */
function isWorthKeeping(part: MessagePart): boolean {
  if (part.type === 'text') return part.text !== '';
  if (part.type === 'reasoning') return part.text !== '' || part.providerMetadata !== undefined;
  return true;
}

type SdkUsage = Extract<StreamPart, { type: 'finish-step' }>['usage'];

function countTokens(usage: SdkUsage): TokenCounts | null {
  if (usage.inputTokens === undefined && usage.outputTokens === undefined) return null;
  return {
    input: usage.inputTokens ?? 0,
    output: usage.outputTokens ?? 0,
    cacheRead: usage.inputTokenDetails.cacheReadTokens ?? 0,
    cacheWrite: usage.inputTokenDetails.cacheWriteTokens ?? 0,
    reasoning: usage.outputTokenDetails.reasoningTokens ?? 0,
  };
}
