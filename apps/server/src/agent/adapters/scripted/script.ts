import { ErrorCode, Usage } from '@shadow/protocol';
import * as z from 'zod';

/** A tool call of a script. It goes through the same gate as a model's. */
export const ScriptCall = z.strictObject({
  tool: z.string().min(1).max(100),
  input: z.unknown(),
});
export type ScriptCall = z.infer<typeof ScriptCall>;

/** One assistant message of a script: what it thinks, says and calls. */
export const ScriptStep = z.strictObject({
  reasoning: z.string().optional(),
  text: z.string().optional(),
  calls: z.array(ScriptCall).max(100).optional(),
  /** Milliseconds to wait before the step. */
  delayMs: z.number().min(0).max(600_000).optional(),
  /** Usage that the step reports, as a model call would; default none. */
  usage: Usage.optional(),
  /** Ends the turn as failed, after the step's text. */
  error: z.strictObject({ code: ErrorCode, message: z.string() }).optional(),
});
export type ScriptStep = z.infer<typeof ScriptStep>;

/**
 * A script: what to do in the first turn, and in the turns after it. A turn without steps of its own plays the last
 * one again. The turn ends with its steps, or with the first step that calls no tool.
 */
export const Script = z.strictObject({
  turns: z.array(z.array(ScriptStep).min(1).max(500)).min(1).max(100),
});
export type Script = z.infer<typeof Script>;

/** A script in a prompt: the steps of that turn alone. */
const PromptScript = z.strictObject({ steps: Script.shape.turns.element });

const FENCE = /^```shadow-script[ \t]*\r?\n([\s\S]*?)^```[ \t]*$/m;

/**
 * Reads a script that a prompt brings along, for tests and bug reports:
 *
 *     ```shadow-script
 *     { "steps": [{ "text": "Hello", "calls": [{ "tool": "listDirectory", "input": {} }] }, { "text": "Done." }] }
 *     ```
 *
 * @param prompt the person's message
 * @returns the steps; null when there is no such block; what is wrong with it when it does not parse
 */
export function readPromptScript(prompt: string): { steps: ScriptStep[] } | { invalid: string } | null {
  const block = FENCE.exec(prompt)?.[1];
  if (block === undefined) return null;
  try {
    const parsed = PromptScript.safeParse(JSON.parse(block));
    return parsed.success ? parsed.data : { invalid: z.prettifyError(parsed.error) };
  } catch (thrown) {
    return { invalid: thrown instanceof Error ? thrown.message : 'not JSON' };
  }
}
