import { Separator } from 'react-resizable-panels';

/** The line between two panes; it can be dragged, and moved with the arrow keys. */
export function PaneSeparator({ label }: { label: string }) {
  return (
    <Separator
      aria-label={label}
      className="w-px bg-line outline-none transition-colors hover:bg-line-strong focus-visible:bg-accent data-[separator=active]:bg-accent"
    />
  );
}
