import type { InitStepItem, TimelineItem, ToolCallItem } from '@shadow/client';

/** A row of the chat: an item by itself, or several that read better as one. */
export type ChatRow =
  | { kind: 'item'; id: string; item: Exclude<TimelineItem, ToolCallItem | InitStepItem> }
  | { kind: 'tool'; id: string; call: ToolCallItem }
  /** Reads and searches that follow one another. */
  | { kind: 'explored'; id: string; calls: readonly ToolCallItem[] }
  /** The start-up checklist. */
  | { kind: 'start-up'; id: string; steps: readonly InitStepItem[] };

const EXPLORING = new Set(['readFile', 'listDirectory', 'searchFiles', 'grepSearch', 'codebaseSearch']);

/** Lays a timeline out as rows. */
export function rowsOf(timeline: Iterable<TimelineItem>): ChatRow[] {
  const rows: ChatRow[] = [];
  let exploring: ToolCallItem[] = [];
  const steps: InitStepItem[] = [];
  const closeGroup = () => {
    const [first] = exploring;
    if (first !== undefined) {
      const calls = exploring;
      if (calls.length === 1) rows.push({ kind: 'tool', id: first.id, call: first });
      else rows.push({ kind: 'explored', id: `explored:${first.id}`, calls });
    }
    exploring = [];
  };
  for (const item of timeline) {
    if (item.kind === 'tool-call' && isExploring(item)) {
      exploring.push(item);
      continue;
    }
    closeGroup();
    if (item.kind === 'tool-call') rows.push({ kind: 'tool', id: item.id, call: item });
    else if (item.kind !== 'init-step') rows.push({ kind: 'item', id: item.id, item });
    else {
      // All steps are one checklist, where the first of them stands.
      if (steps.length === 0) rows.push({ kind: 'start-up', id: 'start-up', steps });
      steps.push(item);
    }
  }
  closeGroup();
  return rows;
}

/** Failures stand by themselves: they are not to be folded away. */
function isExploring(call: ToolCallItem): boolean {
  return EXPLORING.has(call.tool) && (call.state === 'succeeded' || call.state === 'running');
}

/** Index of the row that a deep link's fragment names, -1 when there is none. */
export function rowOfLink(rows: readonly ChatRow[], link: string): number {
  return rows.findIndex(
    (row) => row.id === link || (row.kind === 'explored' && row.calls.some(({ id }) => id === link)),
  );
}
