import { randomUUID } from 'node:crypto';
import type { ErrorCode, MessagePart, ToolCallPart, ToolResultPart, Usage } from '@shadow/protocol';
import type { RunServices, Turn, TurnOutcome } from './contract.ts';
import { type ConversationMessage, openCalls, repairConversation } from './conversation.ts';

/** Model calls in one turn; a turn that needs more has most likely lost its way. */
const MAX_STEPS = 200;

/** What one step brought. Parts hold tool calls only when the step finished. */
export type Step =
  | { status: 'finished'; parts: MessagePart[]; usage: Usage | null }
  /** The signal was aborted; `parts` is the text up to there. */
  | { status: 'stopped'; parts: MessagePart[]; usage: Usage | null }
  | {
      status: 'failed';
      parts: MessagePart[];
      usage: Usage | null;
      error: { code: ErrorCode; message: string };
      /** True when the loop may ask for the step again; the partial text stays in the conversation. */
      retry?: boolean;
    };

/** What a step is made from. */
export interface StepRequest {
  /** Id of the assistant message that this step writes; its deltas carry it. */
  messageId: string;
  /** The conversation so far, valid for a provider: every tool call has its result. */
  conversation: readonly ConversationMessage[];
  signal: AbortSignal;
}

/** Writes the next assistant message: a model, or a script. It does not throw for what a provider causes. */
export type NextStep = (request: StepRequest) => Promise<Step>;

/**
 * Runs one turn step by step: open tool calls first, then step, message, tool calls, results, until a step asks for no
 * tool. Every message is stored before anything follows from it, so that a turn can be gone on with after any end.
 * @param turn what to work on
 * @param services gate, journal and signal
 * @param nextStep the one who writes the assistant's messages
 * @param maxSteps steps of this turn at most; default 200
 */
export async function runSteps(
  turn: Turn,
  services: RunServices,
  nextStep: NextStep,
  maxSteps: number = MAX_STEPS,
): Promise<TurnOutcome> {
  const loop: Loop = {
    services,
    conversation: repairConversation(turn.history),
    remainingUsd: turn.remainingBudgetUsd,
  };
  const open = openCalls(loop.conversation);
  if (open.length > 0) {
    const interrupted = await runCalls(loop, open);
    if (interrupted !== null) return interrupted;
  }
  for (let step = 0; step < maxSteps; step++) {
    if (services.signal.aborted) return { status: 'stopped' };
    if (loop.remainingUsd !== null && loop.remainingUsd <= 0) return { status: 'budget-exceeded' };
    const outcome = await runStep(loop, nextStep);
    if (outcome !== null) return outcome;
  }
  return {
    status: 'failed',
    error: {
      code: 'RESOURCE_LIMIT',
      message: `The turn took ${maxSteps} steps without coming to an end. Send a message to let it go on.`,
    },
  };
}

interface Loop {
  services: RunServices;
  conversation: ConversationMessage[];
  remainingUsd: number | null;
}

/** One step with its tool calls. Yields how the turn ends, or null when it goes on. */
async function runStep(loop: Loop, nextStep: NextStep): Promise<TurnOutcome | null> {
  const messageId = randomUUID();
  const { signal } = loop.services;
  const step = await nextStep({ messageId, conversation: loop.conversation, signal });
  await keepStep(loop, messageId, step);
  if (step.status === 'stopped') return { status: 'stopped' };
  if (step.status === 'failed') {
    if (step.retry === true && !signal.aborted) return null;
    return { status: 'failed', error: step.error };
  }
  const calls = step.parts.filter((part) => part.type === 'tool-call');
  if (calls.length === 0) return { status: 'completed' };
  return runCalls(loop, calls);
}

async function keepStep(loop: Loop, messageId: string, step: Step): Promise<void> {
  const { journal } = loop.services;
  const complete = step.status === 'finished';
  const parts = complete ? step.parts : step.parts.filter((part) => part.type === 'text' && part.text !== '');
  if (parts.length > 0) {
    await journal.saveMessage({ id: messageId, role: 'assistant', parts });
    loop.conversation.push({ role: 'assistant', parts });
  }
  // A step that failed before its first word was never seen: there is nothing to finish.
  if (step.parts.length > 0) await journal.append({ type: 'message-finished', messageId, complete });
  if (step.usage === null) return;
  await journal.recordUsage(step.usage);
  if (loop.remainingUsd !== null) loop.remainingUsd -= step.usage.costUsd ?? 0;
}

/** Runs calls in order; stops at a question or an abort. Yields how the turn ends, or null when it goes on. */
async function runCalls(loop: Loop, calls: readonly ToolCallPart[]): Promise<TurnOutcome | null> {
  const { gate, signal } = loop.services;
  for (const call of calls) {
    const resolution = await gate.callTool(call, signal);
    if (resolution.type === 'awaiting-approval') return { status: 'awaiting-approval' };
    await keepResult(loop, resolution.result);
  }
  return signal.aborted ? { status: 'stopped' } : null;
}

/** A message each, so that a result is durable before the next call runs. */
async function keepResult(loop: Loop, result: ToolResultPart): Promise<void> {
  const parts = [result];
  await loop.services.journal.saveMessage({ id: randomUUID(), role: 'tool', parts });
  loop.conversation.push({ role: 'tool', parts });
}
