import { ChevronRight } from 'lucide-react';
import type { ReactNode } from 'react';
import { cn } from '../ui/cn.ts';

/** One line of 28 px that opens what is beneath it. */
export function Fold(props: {
  open: boolean;
  onToggle: () => void;
  summary: ReactNode;
  /** At the right end: metadata and status. */
  end?: ReactNode;
  children: ReactNode;
  testId?: string;
  state?: string;
}) {
  return (
    <div data-testid={props.testId} data-state={props.state}>
      <button
        type="button"
        aria-expanded={props.open}
        onClick={props.onToggle}
        className="group -mx-1.5 flex h-7 w-[calc(100%+12px)] min-w-0 items-center gap-2 rounded-md px-1.5 text-left text-ink-2 text-sm transition-colors hover:bg-hover max-md:h-11"
      >
        <ChevronRight
          aria-hidden
          className={cn('size-3.5 shrink-0 text-ink-3 transition-transform', props.open && 'rotate-90')}
        />
        {props.summary}
        {props.end !== undefined && (
          <span className="ml-auto flex shrink-0 items-center gap-2 pl-2 text-ink-3 text-xs">
            {props.end}
          </span>
        )}
      </button>
      {props.open && <div className="mt-1 mb-2 ml-[22px]">{props.children}</div>}
    </div>
  );
}
