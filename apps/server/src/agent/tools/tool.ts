import type { OperationError, TaskEventBody } from '@shadow/protocol';
import type * as z from 'zod';
import type { ToolExecutor } from '../../execution/interfaces/tool-executor.ts';

/**
 * What a tool may do to the world; the permission gate decides by it.
 * `internal` touches neither files nor processes (the todo list).
 */
export type ToolKind = 'read' | 'write' | 'execute' | 'internal';

/** What a running tool is given. */
interface ToolContext {
  executor: ToolExecutor;
  signal: AbortSignal;
  toolCallId: string;
  /** Process id for the one process this call may start; the same on a repeat, so that nothing runs twice. */
  processId: string;
  /** Milliseconds a command may run by default. */
  commandTimeoutMs: number;
  /** Appends events to the task's log. */
  emit(...events: TaskEventBody[]): Promise<void>;
}

/** How a tool ended. `output` is for the model, `summary` for the row in the UI. */
export interface ToolRun {
  output: string;
  summary: string;
  isError: boolean;
  error?: OperationError;
  processId?: string;
  exitCode?: number;
  additions?: number;
  deletions?: number;
  /** True when the work was ended by an abort. */
  cancelled?: boolean;
}

/** One tool of the agent. */
export interface Tool<Schema extends z.ZodType = z.ZodType> {
  /** The operation's name, the same in every layer. */
  readonly name: string;
  /** For the model: what it does, when to use it and when not. */
  readonly description: string;
  readonly kind: ToolKind;
  readonly inputSchema: Schema;
  /** The one thing a call is about, for its row in the UI: a path, a pattern, a command. */
  target(input: z.output<Schema>): string;
  /** Does the work. Expected failures come back as a run with `isError`; a throw is a bug of the tool. */
  run(input: z.output<Schema>, context: ToolContext): Promise<ToolRun>;
}

/** A call whose input is validated and bound: what the gate works with once the schema's type is gone. */
export interface BoundCall {
  readonly target: string;
  run(context: ToolContext): Promise<ToolRun>;
}

/** A tool with its schema's type closed over. */
export interface AnyTool {
  readonly name: string;
  readonly description: string;
  readonly kind: ToolKind;
  readonly inputSchema: z.ZodType;
  /** Validates raw input. Yields the bound call, or zod's error. */
  bind(input: unknown): { success: true; call: BoundCall } | { success: false; error: z.ZodError };
}

/** Closes a tool over its schema's type, so that tools of different inputs fit in one list. */
export function defineTool<Schema extends z.ZodType>(tool: Tool<Schema>): AnyTool {
  return {
    name: tool.name,
    description: tool.description,
    kind: tool.kind,
    inputSchema: tool.inputSchema,
    bind(raw) {
      const parsed = tool.inputSchema.safeParse(raw);
      if (!parsed.success) return { success: false, error: parsed.error };
      const input = parsed.data;
      return {
        success: true,
        call: { target: tool.target(input), run: (context) => tool.run(input, context) },
      };
    },
  };
}

/** A failed operation as the model and the UI are told of it. */
export function failedRun(error: OperationError): ToolRun {
  return {
    output: `Error ${error.code}: ${error.message}`,
    summary: error.code.toLowerCase().replaceAll('_', ' '),
    isError: true,
    error,
    cancelled: error.code === 'CANCELLED',
  };
}
