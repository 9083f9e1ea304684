import type { ReactNode } from 'react';
import { cn } from '../ui/cn.ts';

/** What a person wrote: bordered, at the right. */
export function UserText(props: { text: string; pending?: boolean; note?: ReactNode }) {
  return (
    <div className="flex flex-col items-end gap-1">
      <div
        className={cn(
          'max-w-[85%] whitespace-pre-wrap rounded-xl border border-line bg-surface px-3.5 py-2 text-base [overflow-wrap:anywhere]',
          props.pending && 'opacity-60',
        )}
      >
        {props.text}
      </div>
      {props.note}
    </div>
  );
}
