import type { TaskEvent } from '@shadow/protocol';
import { openText } from './reduce-text.ts';
import type { TaskView } from './task-view.ts';
import type { ToolCallItem } from './timeline-items.ts';

type Event<Type extends TaskEvent['type']> = Extract<TaskEvent, { type: Type }>;

/** Begins the row of a call, or sets it going again after its approval. */
export function reduceToolCall(view: TaskView, event: Event<'tool-call'>): TaskView {
  const { tool, target, input } = event;
  const parted = openText(view, null);
  const open = { text: null, calls: withId(parted.open.calls, rowId(event.toolCallId)) };
  return changeCall({ ...parted, open }, event, tool, (call) => ({
    ...call,
    tool,
    target,
    input,
    state: 'running',
  }));
}

export function reduceToolProcess(view: TaskView, event: Event<'tool-process'>): TaskView {
  const index = view.timeline.indexOf(rowId(event.toolCallId));
  const call = view.timeline.at(index);
  if (call?.kind !== 'tool-call') return view;
  return { ...view, timeline: view.timeline.replace(index, { ...call, processId: event.processId }) };
}

export function reduceToolResult(view: TaskView, event: Event<'tool-result'>): TaskView {
  const calls = view.open.calls.filter((id) => id !== rowId(event.toolCallId));
  const edited = (event.additions ?? 0) + (event.deletions ?? 0) > 0;
  const next = {
    ...view,
    open: { ...view.open, calls },
    filesRevision: view.filesRevision + (edited ? 1 : 0),
    pendingApprovals: view.pendingApprovals.filter(({ toolCallId }) => toolCallId !== event.toolCallId),
  };
  return changeCall(next, event, event.tool, (call) => ({
    ...call,
    state: event.outcome,
    summary: event.summary,
    preview: event.preview,
    processId: event.processId ?? call.processId,
    durationMs: event.durationMs,
    exitCode: event.exitCode,
    additions: event.additions,
    deletions: event.deletions,
    error: event.error,
  }));
}

/** A question asked or answered: in the list of pending ones and on the row of its call. */
export function reduceApproval(
  view: TaskView,
  event: Event<'approval-requested' | 'approval-answered'>,
): TaskView {
  const { approval } = event;
  const others = view.pendingApprovals.filter(({ id }) => id !== approval.id);
  const pending = approval.status === 'pending';
  const next = { ...view, pendingApprovals: pending ? [...others, approval] : others };
  const index = next.timeline.indexOf(rowId(approval.toolCallId));
  const call = next.timeline.at(index);
  if (call?.kind !== 'tool-call') return next;
  const waiting = call.state === 'running' || call.state === 'awaiting-approval';
  const state = waiting ? (pending ? 'awaiting-approval' : 'running') : call.state;
  return { ...next, timeline: next.timeline.replace(index, { ...call, approval, state }) };
}

/** Changes a call's row; a result whose call was never told gets a row of its own. */
function changeCall(
  view: TaskView,
  event: { seq: number; at: string; toolCallId: string },
  tool: string,
  change: (call: ToolCallItem) => ToolCallItem,
): TaskView {
  const index = view.timeline.indexOf(rowId(event.toolCallId));
  const known = view.timeline.at(index);
  if (known?.kind === 'tool-call') {
    return { ...view, timeline: view.timeline.replace(index, change(known)) };
  }
  return { ...view, timeline: view.timeline.append(change(newCall(event, tool))) };
}

function newCall(event: { seq: number; at: string; toolCallId: string }, tool: string): ToolCallItem {
  return {
    id: rowId(event.toolCallId),
    seq: event.seq,
    at: event.at,
    kind: 'tool-call',
    toolCallId: event.toolCallId,
    tool,
    target: '',
    input: undefined,
    state: 'running',
    processId: null,
    summary: null,
    preview: null,
    durationMs: null,
    exitCode: null,
    additions: null,
    deletions: null,
    error: null,
    approval: null,
  };
}

function withId(ids: readonly string[], id: string): readonly string[] {
  return ids.includes(id) ? ids : [...ids, id];
}

function rowId(toolCallId: string): string {
  return `call:${toolCallId}`;
}
