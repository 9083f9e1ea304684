import type { TaskView } from '@shadow/client';
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { cn } from '../ui/cn.ts';
import { ChatRowView } from './chat-row.tsx';
import { type ChatRow, rowOfLink, rowsOf } from './rows.ts';

/** Pixels from the end within which the reader counts as being there. */
const AT_END = 48;

/**
 * The conversation. Only what is in sight is drawn; it follows new rows when the reader is at the end, and otherwise
 * stays where it is and says how many came.
 */
export function ChatLog(props: {
  view: TaskView;
  taskId: string;
  canRetry: boolean;
  budgetUsd: number | null;
  /** Row to show first, from the address's fragment. */
  link: string;
  /** After the last row: what was sent but is not in the log yet. */
  tail: ReactNode;
}) {
  const { timeline } = props.view;
  const rows = useMemo(() => rowsOf(timeline), [timeline]);
  const scroller = useRef<HTMLDivElement>(null);
  const list = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => estimate(rows[index]),
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 8,
    anchorTo: 'end',
    followOnAppend: true,
    scrollEndThreshold: AT_END,
  });
  const { unseen, seen } = useUnseen(rows.length, scroller);
  const content = useRef<HTMLDivElement>(null);
  useStickToEnd(scroller, content);
  useDeepLink(rows, props.link, (index) => list.scrollToIndex(index, { align: 'start' }));

  const items = list.getVirtualItems();
  return (
    <div className="relative min-h-0 flex-1">
      <div
        ref={scroller}
        role="log"
        aria-live="polite"
        aria-label="Conversation"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        tabIndex={0}
        data-testid="chat-log"
        className="h-full overflow-y-auto overflow-x-hidden outline-offset-[-2px] [overflow-anchor:none]"
      >
        <div ref={content} className="mx-auto max-w-[760px] px-5 pb-4 max-md:px-4">
          <div className="relative" style={{ height: list.getTotalSize() }}>
            {items.map((item) => {
              const row = rows[item.index];
              if (row === undefined) return null;
              return (
                <div
                  key={item.key}
                  ref={list.measureElement}
                  data-index={item.index}
                  id={`row-${row.id}`}
                  className="absolute inset-x-0 top-0"
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <div className={spacing(row, rows[item.index - 1])}>
                    <ChatRowView
                      row={row}
                      taskId={props.taskId}
                      isLast={item.index === rows.length - 1}
                      canRetry={props.canRetry}
                      budgetUsd={props.budgetUsd}
                    />
                  </div>
                </div>
              );
            })}
          </div>
          {props.tail}
        </div>
      </div>
      {unseen !== null && (
        <button
          type="button"
          data-testid="new-pill"
          onClick={() => {
            list.scrollToEnd({ behavior: 'auto' });
            seen();
          }}
          className="motion-pop -translate-x-1/2 absolute bottom-3 left-1/2 flex h-7 items-center gap-1.5 rounded-full border border-line-strong bg-raised px-3 text-xs shadow-(--shadow-pop) hover:bg-hover max-md:h-10"
        >
          <ArrowDown className="size-3.5" aria-hidden />
          {unseen === 0 ? 'Latest' : `${unseen} new`}
        </button>
      )}
    </div>
  );
}

/**
 * Keeps the end in sight when the log itself changes its height: a card docks below it, the tail grows, the keyboard of
 * a phone opens. Only for a reader who was at the end; the last position is remembered since a resize moves it.
 */
function useStickToEnd(
  scroller: React.RefObject<HTMLDivElement | null>,
  content: React.RefObject<HTMLDivElement | null>,
): void {
  useEffect(() => {
    const element = scroller.current;
    if (element === null || content.current === null) return;
    let atEnd = true;
    let lastTop = element.scrollTop;
    const onScroll = () => {
      const distance = element.scrollHeight - element.scrollTop - element.clientHeight;
      // Growth leaves the top where it is; only moving up is the reader's own wish to leave the end.
      if (distance <= AT_END) atEnd = true;
      else if (element.scrollTop < lastTop) atEnd = false;
      lastTop = element.scrollTop;
    };
    const observer = new ResizeObserver(() => {
      if (atEnd) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    observer.observe(content.current);
    element.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', onScroll);
    };
  }, [scroller, content]);
}

/** Rows that came since the reader left the end; null while there. */
function useUnseen(count: number, scroller: React.RefObject<HTMLDivElement | null>) {
  const [leftAt, setLeftAt] = useState<number | null>(null);
  const latest = useRef(count);
  latest.current = count;
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const onScroll = () => {
      const away = element.scrollHeight - element.scrollTop - element.clientHeight > AT_END * 2;
      setLeftAt((known) => (away ? (known ?? latest.current) : null));
    };
    element.addEventListener('scroll', onScroll, { passive: true });
    return () => element.removeEventListener('scroll', onScroll);
  }, [scroller]);
  return { unseen: leftAt === null ? null : Math.max(0, count - leftAt), seen: () => setLeftAt(null) };
}

/** Goes to the linked row once, as soon as it is there. */
function useDeepLink(rows: readonly ChatRow[], link: string, go: (index: number) => void): void {
  const gone = useRef('');
  useEffect(() => {
    if (link === '' || gone.current === link) return;
    const index = rowOfLink(rows, link);
    if (index === -1) return;
    gone.current = link;
    // After the virtualiser's own first move to the end.
    const frame = requestAnimationFrame(() => go(index));
    return () => cancelAnimationFrame(frame);
  });
}

function isLine(row: ChatRow | undefined): boolean {
  if (row === undefined) return false;
  if (row.kind !== 'item') return row.kind !== 'start-up';
  return row.item.kind === 'reasoning' || row.item.kind === 'notice' || row.item.kind === 'commit';
}

/** Lines of tools stand close together; text and messages get air. */
function spacing(row: ChatRow, before: ChatRow | undefined): string {
  if (before === undefined) return 'pt-5';
  if (isLine(row) && isLine(before)) return 'pt-px';
  const isMessage = row.kind === 'item' && row.item.kind === 'user-message';
  return cn(isMessage ? 'pt-8' : 'pt-3.5');
}

function estimate(row: ChatRow | undefined): number {
  if (row === undefined || isLine(row)) return 30;
  if (row.kind === 'start-up') return 28 * row.steps.length + 14;
  if (row.kind === 'item' && 'text' in row.item) return 40 + Math.ceil(row.item.text.length / 90) * 22;
  return 60;
}
