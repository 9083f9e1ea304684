import type {
  ErrorCode,
  Message,
  MessagePart,
  MessageRole,
  PermissionMode,
  TaskEventBody,
  ToolCallPart,
  ToolResultPart,
  Usage,
} from '@shadow/protocol';
import type * as z from 'zod';
import type { ToolExecutor } from '../execution/interfaces/tool-executor.ts';

/** What one agent turn works on. */
export interface Turn {
  executionId: string;
  taskId: string;
  userId: string;
  /** `provider/model`. */
  model: string;
  systemPrompt: string;
  /**
   * The conversation so far, newest last, with whatever was left open by an earlier run of it: an assistant message
   * whose tool calls have no results yet (it waited for approval) is gone on with, not asked again.
   */
  history: Message[];
  /** Dollars that this turn may still spend; null for no bound. */
  remainingBudgetUsd: number | null;
}

/** A tool as the model sees it. */
export interface ToolDescription {
  name: string;
  description: string;
  inputSchema: z.ZodType;
}

/** How a call ended at the gate. */
export type ToolCallResolution =
  | { type: 'result'; result: ToolResultPart }
  /** The question is stored; the turn must end as `awaiting-approval` and is resumed by the answer. */
  | { type: 'awaiting-approval' };

/** The one way to the tools: validation, permission, audit row, event, metric. */
export interface ToolGate {
  readonly tools: readonly ToolDescription[];
  callTool(call: ToolCallPart, signal: AbortSignal): Promise<ToolCallResolution>;
}

/** Where a turn's doings are kept. Everything but deltas is durable when its promise resolves. */
export interface TurnJournal {
  /** Appends events to the task's log. */
  append(...events: TaskEventBody[]): Promise<void>;
  /** Streams a piece of text; coalesced, stored in order before any later `append`. */
  delta(messageId: string, kind: 'text' | 'reasoning', text: string): void;
  /** Stores a message of the conversation at the next position. */
  saveMessage(message: { id: string; role: MessageRole; parts: MessagePart[] }): Promise<void>;
  /** Stores what a model call used, adds it up in turn and task, and appends the `cost` event. */
  recordUsage(step: Usage): Promise<void>;
}

/** What a runner is given to work with. */
export interface RunServices {
  gate: ToolGate;
  journal: TurnJournal;
  /** Aborted by a person's stop, by the turn's timeout or by shutdown. */
  signal: AbortSignal;
}

export type TurnOutcome =
  | { status: 'completed' }
  | { status: 'awaiting-approval' }
  /** The signal was aborted; everything up to there is stored. */
  | { status: 'stopped' }
  | { status: 'budget-exceeded' }
  | { status: 'failed'; error: { code: ErrorCode; message: string } };

/** Something that plays an agent's part. It never throws for anything a provider or the network causes. */
export interface AgentRunner {
  readonly name: 'ai-sdk' | 'scripted';
  run(turn: Turn, services: RunServices): Promise<TurnOutcome>;
}

/** A row of the audit trail as the gate writes it. */
export interface ToolCallStart {
  id: string;
  tool: string;
  input: unknown;
  decision: 'allow' | 'deny' | 'ask';
  reason: string | null;
}

export interface ToolCallEnd {
  id: string;
  outcome: 'succeeded' | 'failed' | 'denied' | 'invalid' | 'cancelled' | 'lost';
  errorCode: string | null;
  summary: string;
  processId: string | null;
  exitCode: number | null;
  durationMs: number;
}

export interface StoredApproval {
  id: string;
  status: 'pending' | 'allowed' | 'denied' | 'expired';
  scope: 'once' | 'task' | null;
  note: string | null;
}

/** The gate's memory: audit rows and approvals of one task, implemented over the database. */
export interface GateStore {
  /** Idempotent by id, so that a call resumed after its approval keeps its row. */
  startToolCall(call: ToolCallStart): Promise<void>;
  finishToolCall(end: ToolCallEnd): Promise<void>;
  findApproval(toolCallId: string): Promise<StoredApproval | null>;
  /** Stores a pending question and appends `approval-requested`. */
  requestApproval(request: {
    toolCallId: string;
    tool: string;
    input: unknown;
    reason: string;
  }): Promise<void>;
  /** Tools that a person allowed for the rest of this task. */
  isAllowedForTask(tool: string): Promise<boolean>;
}

/** What the gate of one turn is made from. */
export interface GateContext {
  taskId: string;
  executionId: string;
  permissionMode: PermissionMode;
  executor: ToolExecutor;
  journal: TurnJournal;
  store: GateStore;
  /** Milliseconds a command may run by default. */
  commandTimeoutMs: number;
}
