import type { OperationError, ToolCallPart } from '@shadow/protocol';
import * as z from 'zod';
import type { AnyTool, BoundCall } from './tool.ts';

/** A call that is known and well-formed, or what is wrong with it, told so that the model can mend it. */
export type ParsedCall =
  | { success: true; tool: AnyTool; bound: BoundCall; command: string | null }
  | { success: false; error: OperationError };

const commandInput = z.object({ command: z.string() });

/**
 * Finds a call's tool and validates its input.
 * @param tools every tool by name
 * @param call the call as the model wrote it; an input that is a string is taken as the JSON text it should be
 */
export function parseCall(tools: ReadonlyMap<string, AnyTool>, call: ToolCallPart): ParsedCall {
  const tool = tools.get(call.tool);
  if (tool === undefined) {
    return invalid(`There is no tool "${call.tool}". The tools are: ${[...tools.keys()].join(', ')}.`);
  }
  const input = readInput(call.input);
  if (!input.success) {
    return invalid(
      `The arguments of ${tool.name} are not valid JSON (${input.reason}). Call it again with a complete JSON object.`,
    );
  }
  const bound = tool.bind(input.value);
  if (!bound.success) {
    return invalid(
      `The arguments of ${tool.name} do not fit its schema:\n${z.prettifyError(bound.error)}\nMend them and call it again.`,
    );
  }
  const command = tool.kind === 'execute' ? commandInput.safeParse(input.value) : undefined;
  return {
    success: true,
    tool,
    bound: bound.call,
    command: command?.success === true ? command.data.command : null,
  };
}

function readInput(input: unknown): { success: true; value: unknown } | { success: false; reason: string } {
  if (typeof input !== 'string') return { success: true, value: input ?? {} };
  try {
    return { success: true, value: JSON.parse(input) };
  } catch (thrown) {
    return { success: false, reason: thrown instanceof Error ? thrown.message : 'unreadable' };
  }
}

function invalid(message: string): { success: false; error: OperationError } {
  return { success: false, error: { code: 'VALIDATION_FAILED', message, retryable: false } };
}
