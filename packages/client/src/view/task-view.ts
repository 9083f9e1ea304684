import type { Approval, TaskStatus, TodoItem, Usage } from '@shadow/protocol';
import { Timeline } from './timeline.ts';
import type { EventError } from './timeline-items.ts';

/** The turn that is running. */
export interface RunningTurn {
  readonly executionId: string;
  readonly runner: string;
  readonly model: string;
  /** ISO time of its start or of its resumption. */
  readonly startedAt: string;
}

/** What a task's events add up to. Immutable: `reduceTask` makes the next one. */
export interface TaskView {
  /** Number of the newest event in here; earlier ones change nothing. */
  readonly lastSeq: number;
  readonly status: TaskStatus;
  /** Why the status is what it is, for failures. */
  readonly error: EventError | null;
  readonly title: string | null;
  readonly branch: string | null;
  readonly baseBranch: string | null;
  readonly baseCommit: string | null;
  readonly headCommit: string | null;
  readonly timeline: Timeline;
  readonly todo: readonly TodoItem[];
  /** Total of the task. */
  readonly usage: Usage;
  /** Questions without an answer, oldest first. */
  readonly pendingApprovals: readonly Approval[];
  /** Null between turns. */
  readonly turn: RunningTurn | null;
  /** Grows whenever files of the workspace changed: what shows a diff fetches it anew. */
  readonly filesRevision: number;
  /** Ids of the items that later events still change; for the reducer. */
  readonly open: { readonly text: string | null; readonly calls: readonly string[] };
}

/** The view of a task of which no event is known yet. */
export function emptyTaskView(): TaskView {
  return {
    lastSeq: 0,
    status: 'queued',
    error: null,
    title: null,
    branch: null,
    baseBranch: null,
    baseCommit: null,
    headCommit: null,
    timeline: Timeline.empty(),
    todo: [],
    usage: { inputTokens: 0, outputTokens: 0, cachedTokens: 0, reasoningTokens: 0, costUsd: null },
    pendingApprovals: [],
    turn: null,
    filesRevision: 0,
    open: { text: null, calls: [] },
  };
}
