import type { TaskEvent } from '@shadow/protocol';
import { closeOpen, openText, reduceDelta, reduceMessageFinished } from './reduce-text.ts';
import { reduceApproval, reduceToolCall, reduceToolProcess, reduceToolResult } from './reduce-tools.ts';
import type { TaskView } from './task-view.ts';
import type { InitStepItem, TimelineItem } from './timeline-items.ts';

type Event<Type extends TaskEvent['type']> = Extract<TaskEvent, { type: Type }>;
type Reducers = { [Type in TaskEvent['type']]: (view: TaskView, event: Event<Type>) => TaskView };

/** Characters of an init step's log that are kept; the log is cut when it has grown to twice that. */
const LOG_LENGTH = 65_536;

/** Folds one event into a view. An event that the view already has changes nothing. */
export function reduceTask(view: TaskView, event: TaskEvent): TaskView {
  if (event.seq <= view.lastSeq) return view;
  // The table is exhaustive and each entry takes its own type; the compiler cannot see that they pair up.
  const reduce = reducers[event.type] as (view: TaskView, event: TaskEvent) => TaskView;
  return { ...reduce(view, event), lastSeq: event.seq };
}

/** Folds events in order of seq into a view. */
export function reduceEvents(view: TaskView, events: Iterable<TaskEvent>): TaskView {
  let next = view;
  for (const event of events) next = reduceTask(next, event);
  return next;
}

const reducers: Reducers = {
  status: reduceStatus,
  'init-step': reduceInitStep,
  'init-log': reduceInitLog,
  workspace: (view, { branch, baseBranch, baseCommit }) => ({ ...view, branch, baseBranch, baseCommit }),
  title: (view, { title }) => ({ ...view, title }),
  'user-message': (view, event) =>
    append(view, {
      ...base(event, `user:${event.messageId}`),
      kind: 'user-message',
      messageId: event.messageId,
      text: event.text,
    }),
  'turn-started': (view, { executionId, runner, model, at }) => ({
    ...view,
    turn: { executionId, runner, model, startedAt: at },
  }),
  'turn-finished': reduceTurnFinished,
  'message-delta': reduceDelta,
  'message-finished': reduceMessageFinished,
  'tool-call': reduceToolCall,
  'tool-process': reduceToolProcess,
  'tool-result': reduceToolResult,
  'approval-requested': reduceApproval,
  'approval-answered': reduceApproval,
  todo: (view, { items }) => ({ ...view, todo: items }),
  cost: (view, { total }) => ({ ...view, usage: total }),
  'fs-change': (view) => ({ ...view, filesRevision: view.filesRevision + 1 }),
  commit: (view, event) => {
    const { commit, subject, additions, deletions, filesChanged } = event;
    const item = { kind: 'commit', commit, subject, additions, deletions, filesChanged } as const;
    const next = append(view, { ...base(event, `commit:${event.seq}`), ...item });
    return { ...next, headCommit: commit, filesRevision: view.filesRevision + 1 };
  },
  notice: (view, event) =>
    append(view, {
      ...base(event, `notice:${event.seq}`),
      kind: 'notice',
      level: event.level,
      message: event.message,
    }),
};

function reduceStatus(view: TaskView, { status, error }: Event<'status'>): TaskView {
  const next = { ...view, status, error };
  if (status !== 'stopped' && status !== 'interrupted') return next;
  // A stop also expires the questions that wait; no event of their own tells so.
  const outcome = status === 'stopped' ? 'cancelled' : 'lost';
  return closeOpen({ ...next, turn: null, pendingApprovals: [] }, outcome);
}

function reduceTurnFinished(view: TaskView, event: Event<'turn-finished'>): TaskView {
  const { executionId, status, usage, durationMs, error } = event;
  // A turn that waits for an answer is going on: its calls stay open and the chat shows no end.
  if (status === 'awaiting-approval') return { ...openText(view, null), turn: null };
  const closed = closeOpen({ ...view, turn: null }, status === 'interrupted' ? 'lost' : 'cancelled');
  const item = { kind: 'turn-finished', executionId, status, usage, durationMs, error } as const;
  return append({ ...closed, pendingApprovals: [] }, { ...base(event, `turn:${event.seq}`), ...item });
}

function reduceInitStep(view: TaskView, event: Event<'init-step'>): TaskView {
  const { status, attempt, durationMs, error } = event;
  return changeStep(view, event, (step) => ({ ...step, status, attempt, durationMs, error }));
}

function reduceInitLog(view: TaskView, event: Event<'init-log'>): TaskView {
  return changeStep(view, event, (step) => {
    const log = step.log + event.text;
    return { ...step, log: log.length > 2 * LOG_LENGTH ? log.slice(-LOG_LENGTH) : log };
  });
}

function changeStep(
  view: TaskView,
  event: Event<'init-step' | 'init-log'>,
  change: (step: InitStepItem) => InitStepItem,
): TaskView {
  const id = `step:${event.name}`;
  const index = view.timeline.indexOf(id);
  const known = view.timeline.at(index);
  if (known?.kind === 'init-step') return { ...view, timeline: view.timeline.replace(index, change(known)) };
  const fresh: InitStepItem = {
    ...base(event, id),
    kind: 'init-step',
    name: event.name,
    status: 'running',
    attempt: 1,
    durationMs: null,
    error: null,
    log: '',
  };
  return append(view, change(fresh));
}

function append(view: TaskView, item: TimelineItem): TaskView {
  return { ...view, timeline: view.timeline.append(item) };
}

function base(event: { seq: number; at: string }, id: string) {
  return { id, seq: event.seq, at: event.at };
}
