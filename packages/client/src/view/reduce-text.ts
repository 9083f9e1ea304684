import type { TaskEvent, ToolOutcome } from '@shadow/protocol';
import type { TaskView } from './task-view.ts';
import type { AgentTextItem } from './timeline-items.ts';

type Delta = Extract<TaskEvent, { type: 'message-delta' }>;
type Finished = Extract<TaskEvent, { type: 'message-finished' }>;

/** Appends streamed text to the open item of its message and kind, or begins one. */
export function reduceDelta(view: TaskView, event: Delta): TaskView {
  const index = view.open.text === null ? -1 : view.timeline.indexOf(view.open.text);
  const current = view.timeline.at(index);
  if (isText(current) && current.messageId === event.messageId && current.kind === event.kind) {
    const longer = { ...current, text: current.text + event.text };
    return { ...view, timeline: view.timeline.replace(index, longer) };
  }
  const item: AgentTextItem = {
    id: `${event.kind}:${event.messageId}:${event.seq}`,
    seq: event.seq,
    at: event.at,
    kind: event.kind,
    messageId: event.messageId,
    text: event.text,
    streaming: true,
    complete: true,
  };
  const closed = openText(view, item.id);
  return { ...closed, timeline: closed.timeline.append(item) };
}

/** Ends the message's open item; a message that was cut is marked so. */
export function reduceMessageFinished(view: TaskView, event: Finished): TaskView {
  const id = view.open.text;
  const item = id === null ? undefined : view.timeline.at(view.timeline.indexOf(id));
  if (!isText(item) || item.messageId !== event.messageId) return view;
  return openText(view, null, event.complete);
}

/** Ends the open item, if there is one, and makes another the open one. */
export function openText(view: TaskView, nextId: string | null, complete = true): TaskView {
  const open = { ...view.open, text: nextId };
  if (view.open.text === null) return { ...view, open };
  const index = view.timeline.indexOf(view.open.text);
  const item = view.timeline.at(index);
  if (!isText(item)) return { ...view, open };
  return { ...view, open, timeline: view.timeline.replace(index, { ...item, streaming: false, complete }) };
}

/** Ends everything that a turn left open: text as cut, calls with the given outcome. */
export function closeOpen(view: TaskView, outcome: ToolOutcome): TaskView {
  const closed = openText(view, null, false);
  const timeline = closed.open.calls.reduce((items, id) => {
    const index = items.indexOf(id);
    const item = items.at(index);
    return item?.kind === 'tool-call' ? items.replace(index, { ...item, state: outcome }) : items;
  }, closed.timeline);
  return { ...closed, timeline, open: { text: null, calls: [] } };
}

function isText(item: { kind: string } | undefined): item is AgentTextItem {
  return item?.kind === 'text' || item?.kind === 'reasoning';
}
