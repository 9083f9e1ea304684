import type { ReactNode } from 'react';

/** What a pane says while it has nothing to show. */
export function EmptyPane({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="flex h-full flex-col items-center justify-center px-8 pb-[12vh] text-center">
      <p className="font-medium text-sm">{title}</p>
      <div className="mt-1 max-w-72 text-ink-3 text-sm">{children}</div>
    </div>
  );
}
