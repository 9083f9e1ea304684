import * as z from 'zod';

/** A tool call that an assistant message asks for. `input` is what the model wrote; the gate validates it. */
export const ToolCallPart = z.object({
  type: z.literal('tool-call'),
  toolCallId: z.string().min(1),
  tool: z.string().min(1),
  input: z.unknown(),
});
export type ToolCallPart = z.infer<typeof ToolCallPart>;

/** What the model reads back for a tool call. */
export const ToolResultPart = z.object({
  type: z.literal('tool-result'),
  toolCallId: z.string().min(1),
  tool: z.string().min(1),
  /** Text for the model; errors too are told as text. */
  output: z.string(),
  isError: z.boolean(),
});
export type ToolResultPart = z.infer<typeof ToolResultPart>;

export const TextPart = z.object({ type: z.literal('text'), text: z.string() });
export type TextPart = z.infer<typeof TextPart>;

/** Reasoning, with what the provider needs to accept it again (such as a signature). */
export const ReasoningPart = z.object({
  type: z.literal('reasoning'),
  text: z.string(),
  providerMetadata: z.record(z.string(), z.record(z.string(), z.json())).optional(),
});
export type ReasoningPart = z.infer<typeof ReasoningPart>;

export const MessagePart = z.discriminatedUnion('type', [
  TextPart,
  ReasoningPart,
  ToolCallPart,
  ToolResultPart,
]);
export type MessagePart = z.infer<typeof MessagePart>;

export const MessageRole = z.enum(['user', 'assistant', 'tool']);
export type MessageRole = z.infer<typeof MessageRole>;

/** One message of a task's conversation, as the model is given it back. */
export const Message = z.object({
  id: z.string(),
  position: z.int(),
  role: MessageRole,
  executionId: z.string().nullable(),
  parts: z.array(MessagePart),
  createdAt: z.iso.datetime(),
});
export type Message = z.infer<typeof Message>;

/** Tokens and money of one model call or a sum of them. */
export const Usage = z.object({
  inputTokens: z.int().min(0),
  outputTokens: z.int().min(0),
  /** Part of the input that the provider read from its cache. */
  cachedTokens: z.int().min(0),
  /** Part of the output that was reasoning. */
  reasoningTokens: z.int().min(0),
  /** Null when the model's price is not known. */
  costUsd: z.number().min(0).nullable(),
});
export type Usage = z.infer<typeof Usage>;

export const TodoItem = z.object({
  text: z.string().min(1).max(500),
  status: z.enum(['pending', 'in-progress', 'completed']),
});
export type TodoItem = z.infer<typeof TodoItem>;

export const ToolOutcome = z.enum(['succeeded', 'failed', 'denied', 'invalid', 'cancelled', 'lost']);
export type ToolOutcome = z.infer<typeof ToolOutcome>;

export const ApprovalScope = z.enum(['once', 'task']);
export type ApprovalScope = z.infer<typeof ApprovalScope>;

export const Approval = z.object({
  id: z.string(),
  taskId: z.string(),
  executionId: z.string(),
  toolCallId: z.string(),
  tool: z.string(),
  input: z.unknown(),
  reason: z.string(),
  status: z.enum(['pending', 'allowed', 'denied', 'expired']),
  scope: ApprovalScope.nullable(),
  note: z.string().nullable(),
  createdAt: z.iso.datetime(),
});
export type Approval = z.infer<typeof Approval>;
