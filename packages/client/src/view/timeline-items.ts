import type {
  Approval,
  ErrorCode,
  ExecutionStatus,
  InitStepName,
  OperationError,
  StepStatus,
  ToolOutcome,
  Usage,
} from '@shadow/protocol';

/** What an error says of itself in events. */
export interface EventError {
  code: ErrorCode;
  message: string;
}

interface ItemBase {
  /** Stable and unique within the task: a key for rows and deep links. */
  readonly id: string;
  /** Number of the event that began the item. */
  readonly seq: number;
  /** ISO time of that event. */
  readonly at: string;
}

export interface UserMessageItem extends ItemBase {
  readonly kind: 'user-message';
  readonly messageId: string;
  readonly text: string;
}

/** A run of text or reasoning of one message; tool calls and the other kind part a message into several. */
export interface AgentTextItem extends ItemBase {
  readonly kind: 'text' | 'reasoning';
  readonly messageId: string;
  readonly text: string;
  /** True while more may be appended. */
  readonly streaming: boolean;
  /** False when its stream was cut or stopped. */
  readonly complete: boolean;
}

/** `awaiting-approval` until a person answers, then `running` again until the result comes. */
export type ToolCallState = 'running' | 'awaiting-approval' | ToolOutcome;

export interface ToolCallItem extends ItemBase {
  readonly kind: 'tool-call';
  readonly toolCallId: string;
  readonly tool: string;
  /** The one thing that the call is about: a path, a pattern, a command. */
  readonly target: string;
  readonly input: unknown;
  readonly state: ToolCallState;
  readonly processId: string | null;
  readonly summary: string | null;
  readonly preview: string | null;
  readonly durationMs: number | null;
  readonly exitCode: number | null;
  readonly additions: number | null;
  readonly deletions: number | null;
  readonly error: OperationError | null;
  /** The question asked about this call, answered or not. */
  readonly approval: Approval | null;
}

export interface InitStepItem extends ItemBase {
  readonly kind: 'init-step';
  readonly name: InitStepName;
  readonly status: StepStatus;
  readonly attempt: number;
  readonly durationMs: number | null;
  readonly error: EventError | null;
  /** The newest 64 KiB characters of the step's log. */
  readonly log: string;
}

export interface NoticeItem extends ItemBase {
  readonly kind: 'notice';
  readonly level: 'info' | 'warning';
  readonly message: string;
}

export interface CommitItem extends ItemBase {
  readonly kind: 'commit';
  readonly commit: string;
  readonly subject: string;
  readonly additions: number;
  readonly deletions: number;
  readonly filesChanged: number;
}

export interface TurnFinishedItem extends ItemBase {
  readonly kind: 'turn-finished';
  readonly executionId: string;
  readonly status: ExecutionStatus;
  readonly usage: Usage;
  readonly durationMs: number;
  readonly error: EventError | null;
}

export type TimelineItem =
  | UserMessageItem
  | AgentTextItem
  | ToolCallItem
  | InitStepItem
  | NoticeItem
  | CommitItem
  | TurnFinishedItem;
