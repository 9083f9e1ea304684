import type { Message, ToolCallPart, ToolResultPart } from '@shadow/protocol';

/** A message without its bookkeeping. */
export type ConversationMessage = Pick<Message, 'role' | 'parts'>;

/** What the model is told of a call whose run ended before its result was kept. */
const INTERRUPTED_OUTPUT =
  'Interrupted: the run ended before the result of this call was kept. Whether it took effect is not known; look before you repeat it.';

/**
 * A conversation in which every tool call has exactly one result, as providers demand: calls that an earlier run left
 * open get a synthetic result, results without a call are left out. Open calls of the last assistant message stay open
 * when nothing follows them: they wait for their answer and are gone on with.
 * Pure, so that the same history is the same prompt each time and a provider's cache holds.
 * @param history messages in order of position
 */
export function repairConversation(history: readonly ConversationMessage[]): ConversationMessage[] {
  const repaired: ConversationMessage[] = [];
  let open = new Map<string, ToolCallPart>();
  for (const { role, parts } of history) {
    if (parts.length === 0) continue;
    if (role === 'tool') {
      const results = parts.filter((part) => part.type === 'tool-result' && open.delete(part.toolCallId));
      if (results.length > 0) repaired.push({ role, parts: results });
      continue;
    }
    if (open.size > 0) repaired.push({ role: 'tool', parts: [...open.values()].map(interrupted) });
    open = new Map(role === 'assistant' ? callsOf(parts).map((call) => [call.toolCallId, call]) : []);
    repaired.push({ role, parts });
  }
  return repaired;
}

/** Tool calls of the last assistant message that have no result yet, in order. */
export function openCalls(conversation: readonly ConversationMessage[]): ToolCallPart[] {
  const last = conversation.findLastIndex((message) => message.role !== 'tool');
  const message = conversation[last];
  if (message?.role !== 'assistant') return [];
  const answered = new Set(
    conversation
      .slice(last + 1)
      .flatMap(({ parts }) => parts.filter(isResult).map((part) => part.toolCallId)),
  );
  return callsOf(message.parts).filter((call) => !answered.has(call.toolCallId));
}

/** Text of the newest message of the person; empty when there is none. */
export function lastUserText(conversation: readonly ConversationMessage[]): string {
  const message = conversation.findLast(({ role }) => role === 'user');
  return message === undefined ? '' : textOf(message);
}

/** All text of a message. */
function textOf({ parts }: ConversationMessage): string {
  return parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
}

function callsOf(parts: ConversationMessage['parts']): ToolCallPart[] {
  return parts.filter((part) => part.type === 'tool-call');
}

function isResult(part: ConversationMessage['parts'][number]): part is ToolResultPart {
  return part.type === 'tool-result';
}

function interrupted(call: ToolCallPart): ToolResultPart {
  const { toolCallId, tool } = call;
  return { type: 'tool-result', toolCallId, tool, output: INTERRUPTED_OUTPUT, isError: true };
}
