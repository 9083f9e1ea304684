import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { MessagePart } from '@shadow/protocol';
import type { AgentRunner, TurnJournal } from '../../contract.ts';
import { lastUserText } from '../../conversation.ts';
import { type NextStep, runSteps, type Step, type StepRequest } from '../../steps.ts';
import { findScene, type Playbook } from './playbook.ts';
import { readPromptScript, type ScriptStep } from './script.ts';

/** Pauses of a scripted agent. */
export interface ScriptClock {
  /**
   * Waits, or returns early when the signal is aborted.
   * @param milliseconds how long
   */
  pause(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** Waits in real time. */
export const realClock: ScriptClock = {
  async pause(milliseconds, signal) {
    await wait(milliseconds, undefined, { signal }).catch(() => undefined);
  },
};

/** Does not wait at all. */
export const instantClock: ScriptClock = { pause: async () => undefined };

/**
 * An agent without a model: it plays a playbook on the real tools. A prompt with a `shadow-script` block is played
 * instead. Where it is in the playbook is read from the history, so that it goes on after an approval or a restart.
 * @param playbook what to play
 * @param clock pauses between deltas; default real time
 */
export function createScriptedRunner(playbook: Playbook, clock: ScriptClock = realClock): AgentRunner {
  return {
    name: 'scripted',
    run: (turn, services) => runSteps(turn, services, playStep(playbook, clock, services.journal)),
  };
}

function playStep(playbook: Playbook, clock: ScriptClock, journal: TurnJournal): NextStep {
  return async (request) => {
    const brought = readPromptScript(lastUserText(request.conversation));
    if (brought !== null && 'invalid' in brought) return invalidScript(brought.invalid);
    const played: Playbook = brought === null ? playbook : ({ position }) => brought.steps[position] ?? null;
    const step = played(findScene(played, request.conversation));
    if (step === null) return { status: 'finished', parts: [], usage: null };
    return perform(step, request, clock, journal);
  };
}

function invalidScript(reason: string): Step {
  return {
    status: 'failed',
    parts: [],
    usage: null,
    error: {
      code: 'VALIDATION_FAILED',
      message: `The shadow-script block of the prompt is not valid: ${reason}`,
    },
  };
}

async function perform(
  step: ScriptStep,
  request: StepRequest,
  clock: ScriptClock,
  journal: TurnJournal,
): Promise<Step> {
  const { signal } = request;
  if (step.delayMs !== undefined) await clock.pause(step.delayMs, signal);
  const parts: MessagePart[] = [];
  for (const kind of ['reasoning', 'text'] as const) {
    const whole = step[kind];
    if (whole === undefined || whole === '' || signal.aborted) continue;
    const said = await stream(whole, signal, clock, (text) => journal.delta(request.messageId, kind, text));
    parts.push({ type: kind, text: said });
  }
  const usage = step.usage ?? null;
  if (signal.aborted) return { status: 'stopped', parts, usage };
  if (step.error !== undefined) return { status: 'failed', parts, usage, error: step.error };
  for (const { tool, input } of step.calls ?? []) {
    parts.push({ type: 'tool-call', toolCallId: `call_${randomUUID().replaceAll('-', '')}`, tool, input });
  }
  return { status: 'finished', parts, usage };
}

/** Streams a text in pieces of a word or two, with the pauses of someone who writes. Yields what was said. */
async function stream(
  text: string,
  signal: AbortSignal,
  clock: ScriptClock,
  say: (piece: string) => void,
): Promise<string> {
  let said = '';
  for (const piece of text.match(/\s*\S+(?:\s+\S{1,3}(?=\s))?|\s+$/g) ?? []) {
    if (signal.aborted) return said;
    say(piece);
    said += piece;
    await clock.pause(/[.:!?]$/.test(piece) ? 120 : 18 + piece.length * 2, signal);
  }
  return said;
}
