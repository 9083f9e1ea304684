import { ChevronDown } from 'lucide-react';
import type { ComponentProps, ReactNode } from 'react';
import { cn } from '../ui/cn.ts';

/** A choice beneath the composer; shows what is chosen and opens what can be. */
export function Chip({
  icon,
  children,
  tone,
  className,
  ...rest
}: ComponentProps<'button'> & { icon: ReactNode; tone?: 'warning' }) {
  return (
    <button
      type="button"
      {...rest}
      className={cn(
        'inline-flex h-7 min-w-0 shrink items-center gap-1.5 rounded-lg px-2 text-ink-2 text-xs transition-colors hover:bg-hover hover:text-ink data-[state=open]:bg-hover max-md:h-11 max-md:px-2',
        '[&>svg]:size-3.5 [&>svg]:shrink-0 [&>svg]:text-ink-3',
        tone === 'warning' && 'text-del [&>svg]:text-del',
        className,
      )}
    >
      {icon}
      <span className="truncate">{children}</span>
      <ChevronDown aria-hidden className="!size-3 -ml-0.5" />
    </button>
  );
}
