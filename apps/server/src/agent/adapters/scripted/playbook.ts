import type { ToolResultPart } from '@shadow/protocol';
import { type ConversationMessage, lastUserText } from '../../conversation.ts';
import type { Script, ScriptStep } from './script.ts';

/** A call of this turn that has its result. */
export interface PlayedCall {
  tool: string;
  output: string;
  isError: boolean;
}

/** What a playbook decides by. */
export interface Scene {
  /** Number of this turn, from 0. */
  turn: number;
  /** Number of this step in the turn, from 0. */
  position: number;
  /** The person's newest message. */
  prompt: string;
  /** Calls of the earlier steps of this turn, in order. */
  played: readonly PlayedCall[];
}

/** What to do next, or null when the turn is done. Pure: replayed from the history to find where a turn was left. */
export type Playbook = (scene: Scene) => ScriptStep | null;

/** Plays a script that is data. */
export function playScript(script: Script): Playbook {
  return ({ turn, position }) => script.turns[Math.min(turn, script.turns.length - 1)]?.[position] ?? null;
}

/**
 * Finds the present scene by replaying the playbook over the history of this turn, so that a turn goes on after an
 * approval or a restart. A message with fewer calls than its step was cut off: that step is played again.
 * @param playbook what is played
 * @param conversation valid history: every call has its result
 */
export function findScene(playbook: Playbook, conversation: readonly ConversationMessage[]): Scene {
  const lastUser = conversation.findLastIndex(({ role }) => role === 'user');
  const turn = Math.max(0, conversation.filter(({ role }) => role === 'user').length - 1);
  const current = conversation.slice(lastUser + 1);
  const results = new Map(
    current.flatMap(({ parts }) =>
      parts.flatMap((part) => (part.type === 'tool-result' ? [[part.toolCallId, part] as const] : [])),
    ),
  );
  const scene = { turn, position: 0, prompt: lastUserText(conversation), played: [] as PlayedCall[] };
  for (const message of current) {
    if (message.role !== 'assistant') continue;
    const calls = message.parts.filter((part) => part.type === 'tool-call');
    const step = playbook(scene);
    if (step === null || calls.length !== (step.calls?.length ?? 0)) continue;
    scene.position += 1;
    scene.played.push(...calls.map((call) => playedCall(call.tool, results.get(call.toolCallId))));
  }
  return scene;
}

function playedCall(tool: string, result: ToolResultPart | undefined): PlayedCall {
  return { tool, output: result?.output ?? '', isError: result?.isError ?? true };
}
