import type { TodoItem } from '@shadow/protocol';
import { Check, ChevronUp, Circle, CircleDot } from 'lucide-react';
import { useState } from 'react';
import { cn } from '../ui/cn.ts';

/** The agent's plan as one line: how far it is and what it does now; open, the whole list. */
export function TodoStrip({ items, active }: { items: readonly TodoItem[]; active: boolean }) {
  const [open, setOpen] = useState(false);
  const done = items.filter(({ status }) => status === 'completed').length;
  const current =
    items.find(({ status }) => status === 'in-progress') ?? items.find(({ status }) => status === 'pending');
  return (
    <section
      aria-label="Plan"
      data-testid="todo-strip"
      className="mx-3 rounded-t-xl border border-b-0 bg-surface text-sm"
    >
      {open && (
        <ul className="max-h-52 overflow-y-auto px-3.5 pt-2.5">
          {items.map((item, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the list is replaced whole; its order is its identity
            <li key={index} className="flex items-start gap-2.5 py-0.5">
              <ItemMark status={item.status} />
              <span className={cn(item.status === 'completed' && 'text-ink-3 line-through')}>
                {item.text}
              </span>
            </li>
          ))}
        </ul>
      )}
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className="flex h-8 w-full items-center gap-2 px-3.5 text-left text-xs max-md:h-11"
      >
        <span className="shrink-0 text-ink-3">
          {done}/{items.length}
        </span>
        <span className="min-w-0 flex-1 truncate text-ink-2">
          {current === undefined ? 'Plan completed' : active || done > 0 ? current.text : 'Plan'}
        </span>
        <ChevronUp
          aria-hidden
          className={cn('size-3.5 text-ink-3 transition-transform', open && 'rotate-180')}
        />
      </button>
    </section>
  );
}

function ItemMark({ status }: { status: TodoItem['status'] }) {
  const common = 'mt-[3px] size-3.5 shrink-0';
  if (status === 'completed') return <Check className={cn(common, 'text-ink-3')} aria-label="done" />;
  if (status === 'in-progress')
    return <CircleDot className={cn(common, 'text-accent')} aria-label="in progress" />;
  return <Circle className={cn(common, 'text-ink-3')} aria-label="to do" />;
}
