import type { AgentTextItem } from '@shadow/client';
import { Brain } from 'lucide-react';
import { lazy, memo, Suspense } from 'react';
import { useRowOpen } from './expanded.ts';
import { Fold } from './fold.tsx';

// Fetched along with the page's code, not first when there is something to show.
const loading = import('./markdown.tsx');
const Markdown = lazy(() => loading);

/** What the agent says, as plain streamed markdown. */
export const AgentText = memo(function AgentText({ item }: { item: AgentTextItem }) {
  return (
    <div data-testid="agent-text" className="prose-agent">
      <Suspense fallback={<div className="whitespace-pre-wrap">{item.text}</div>}>
        <Markdown text={item.text} streaming={item.streaming} />
      </Suspense>
      {!item.streaming && !item.complete && (
        <p className="mt-1 text-ink-3 text-xs">The answer was cut off here.</p>
      )}
    </div>
  );
});

/** The agent's reasoning, folded to a line. */
export const Reasoning = memo(function Reasoning({ item, taskId }: { item: AgentTextItem; taskId: string }) {
  const [open, toggle] = useRowOpen(`${taskId} ${item.id}`, false);
  const line = item.text.trim().split('\n').at(-1)?.replace(/[*#`]/g, '') ?? '';
  return (
    <Fold
      open={open}
      onToggle={toggle}
      summary={
        <>
          <Brain className="size-3.5 shrink-0 text-ink-3" aria-hidden />
          <span className="shrink-0 text-ink-3">{item.streaming ? 'Thinking' : 'Thought'}</span>
          {!open && <span className="min-w-0 truncate text-ink-3 text-xs">{line}</span>}
        </>
      }
    >
      <p className="whitespace-pre-wrap border-l pl-3 text-ink-2 text-sm [overflow-wrap:anywhere]">
        {item.text}
      </p>
    </Fold>
  );
});
