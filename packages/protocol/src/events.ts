import * as z from 'zod';
import { ErrorCode, OperationError } from './errors.ts';
import { Approval, TodoItem, ToolOutcome, Usage } from './messages.ts';
import { ExecutionStatus, InitStepName, StepStatus, TaskStatus } from './tasks.ts';

const error = z.object({ code: ErrorCode, message: z.string() });

/**
 * All that happens in a task. Each is stored with the task's next `seq` before anyone is told.
 * Long output is not here: events carry a process id and offsets into its terminal buffer.
 */
export const TaskEventBody = z.discriminatedUnion('type', [
  z.object({ type: z.literal('status'), status: TaskStatus, error: error.nullable() }),
  z.object({
    type: z.literal('init-step'),
    name: InitStepName,
    status: StepStatus,
    attempt: z.int(),
    durationMs: z.number().nullable(),
    error: error.nullable(),
  }),
  z.object({ type: z.literal('init-log'), name: InitStepName, text: z.string() }),
  z.object({
    type: z.literal('workspace'),
    branch: z.string(),
    baseBranch: z.string(),
    baseCommit: z.string(),
  }),
  z.object({ type: z.literal('title'), title: z.string() }),
  z.object({ type: z.literal('user-message'), messageId: z.string(), text: z.string() }),
  z.object({
    type: z.literal('turn-started'),
    executionId: z.string(),
    runner: z.string(),
    model: z.string(),
    /** True when this goes on with a turn that waited for an answer. */
    resumed: z.boolean(),
  }),
  z.object({
    type: z.literal('turn-finished'),
    executionId: z.string(),
    status: ExecutionStatus,
    usage: Usage,
    durationMs: z.number(),
    error: error.nullable(),
  }),
  /** A piece of streamed text or reasoning; deltas of one message and kind append in order of seq. */
  z.object({
    type: z.literal('message-delta'),
    messageId: z.string(),
    kind: z.enum(['text', 'reasoning']),
    text: z.string(),
  }),
  /** The message is whole. `complete` is false when its stream was cut or stopped. */
  z.object({ type: z.literal('message-finished'), messageId: z.string(), complete: z.boolean() }),
  z.object({
    type: z.literal('tool-call'),
    toolCallId: z.string(),
    executionId: z.string(),
    tool: z.string(),
    /** The one thing this call is about, for its row: a path, a pattern, a command. */
    target: z.string(),
    input: z.unknown(),
  }),
  /** A process that the call started; its output is read by offset. */
  z.object({ type: z.literal('tool-process'), toolCallId: z.string(), processId: z.string() }),
  z.object({
    type: z.literal('tool-result'),
    toolCallId: z.string(),
    tool: z.string(),
    outcome: ToolOutcome,
    /** Short, muted metadata for the row: "412 ms · exit 0", "3 matches". */
    summary: z.string(),
    /** First 8 KiB of what the model was told. */
    preview: z.string(),
    durationMs: z.number(),
    processId: z.string().nullable(),
    exitCode: z.int().nullable(),
    /** Change of lines, for calls that edit. */
    additions: z.int().nullable(),
    deletions: z.int().nullable(),
    error: OperationError.nullable(),
  }),
  z.object({ type: z.literal('approval-requested'), approval: Approval }),
  z.object({ type: z.literal('approval-answered'), approval: Approval }),
  z.object({ type: z.literal('todo'), items: z.array(TodoItem) }),
  /** Usage of one model call, and the task's total with it. */
  z.object({ type: z.literal('cost'), executionId: z.string(), step: Usage, total: Usage }),
  z.object({ type: z.literal('fs-change'), paths: z.array(z.string()), truncated: z.boolean() }),
  z.object({
    type: z.literal('commit'),
    commit: z.string(),
    subject: z.string(),
    additions: z.int(),
    deletions: z.int(),
    filesChanged: z.int(),
  }),
  /** Something a person should know that is no error: a retry, a wait, a fallback. */
  z.object({
    type: z.literal('notice'),
    level: z.enum(['info', 'warning']),
    message: z.string(),
    /** What it is about, for programs. */
    code: ErrorCode.optional(),
  }),
]);
export type TaskEventBody = z.infer<typeof TaskEventBody>;
export type TaskEventType = TaskEventBody['type'];

const stored = z.object({ seq: z.int().min(1), at: z.iso.datetime() });

/** An event as readers get it. */
export const TaskEvent = z.intersection(stored, TaskEventBody);
export type TaskEvent = z.infer<typeof TaskEvent>;
