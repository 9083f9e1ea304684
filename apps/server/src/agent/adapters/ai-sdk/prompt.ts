import type { MessagePart } from '@shadow/protocol';
import type { AssistantModelMessage, ModelMessage, ToolModelMessage } from 'ai';
import type { ConversationMessage } from '../../conversation.ts';

/** Goes between an assistant message that was cut off and what follows: providers refuse to go on from a bare half. */
const GO_ON = 'Your last message was cut off. Go on from where it ended.';

const CACHE = { anthropic: { cacheControl: { type: 'ephemeral' } } } as const;

/** Anthropic takes four cache marks; one is on the system prompt. */
const CACHED_MESSAGES = 2;

/**
 * The conversation as the SDK takes it. The same history always gives the same prompt, so that caches hold and
 * reasoning that is bound to what came before it stays valid.
 * @param conversation valid: every call has its result
 */
export function toModelMessages(conversation: readonly ConversationMessage[]): ModelMessage[] {
  const messages: ModelMessage[] = [];
  for (const { role, parts } of conversation) {
    const last = messages.at(-1);
    if (role === 'tool') {
      const content = toolContent(parts);
      // Parallel calls are answered in one message, as the providers' formats have it.
      if (last?.role === 'tool') last.content.push(...content);
      else messages.push({ role, content });
    } else if (role === 'user') {
      messages.push({ role, content: textContent(parts) });
    } else {
      if (last?.role === 'assistant') messages.push({ role: 'user', content: GO_ON });
      messages.push({ role, content: assistantContent(parts) });
    }
  }
  if (messages.at(-1)?.role === 'assistant') messages.push({ role: 'user', content: GO_ON });
  return markForCache(messages);
}

/** Marks the end of the prompt and of the one before it, where the next call finds what this one wrote. */
function markForCache(messages: ModelMessage[]): ModelMessage[] {
  let marks = CACHED_MESSAGES;
  for (const message of messages.toReversed()) {
    if (marks === 0) break;
    if (message.role !== 'user' && message.role !== 'tool') continue;
    message.providerOptions = CACHE;
    marks -= 1;
  }
  return messages;
}

/** The system prompt as a message that providers with explicit caching keep. */
export function toInstructions(systemPrompt: string) {
  return { role: 'system' as const, content: systemPrompt, providerOptions: CACHE };
}

function textContent(parts: readonly MessagePart[]): string {
  return parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
}

type AssistantPart = Exclude<AssistantModelMessage['content'], string>[number];

function assistantContent(parts: readonly MessagePart[]): AssistantPart[] {
  return parts.flatMap((part): AssistantPart[] => {
    if (part.type === 'text') return part.text === '' ? [] : [{ type: 'text', text: part.text }];
    if (part.type === 'reasoning') {
      const { text, providerMetadata } = part;
      return [
        {
          type: 'reasoning',
          text,
          ...(providerMetadata && { providerOptions: providerMetadata }),
        },
      ];
    }
    if (part.type !== 'tool-call') return [];
    return [
      { type: 'tool-call', toolCallId: part.toolCallId, toolName: part.tool, input: objectInput(part.input) },
    ];
  });
}

/** Providers take objects only; what a model wrote wrongly is given back inside of one. */
function objectInput(input: unknown): unknown {
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input;
  return input === undefined ? {} : { invalidArguments: input };
}

function toolContent(parts: readonly MessagePart[]): ToolModelMessage['content'] {
  return parts.flatMap((part) => {
    if (part.type !== 'tool-result') return [];
    const value = part.output === '' ? '(no output)' : part.output;
    const output = { type: part.isError ? ('error-text' as const) : ('text' as const), value };
    return [{ type: 'tool-result' as const, toolCallId: part.toolCallId, toolName: part.tool, output }];
  });
}
