import { cva, type VariantProps } from 'class-variance-authority';
import type { ComponentProps } from 'react';
import { cn } from './cn.ts';

const styles = cva(
  'inline-flex shrink-0 select-none items-center justify-center gap-1.5 rounded-md font-medium transition-colors disabled:pointer-events-none disabled:opacity-45',
  {
    variants: {
      look: {
        primary: 'bg-accent text-accent-ink hover:bg-accent-strong',
        plain: 'border border-line-strong bg-raised text-ink hover:bg-hover',
        ghost: 'text-ink-2 hover:bg-hover hover:text-ink',
        danger: 'bg-del text-white hover:opacity-90 dark:text-canvas',
      },
      size: {
        small: 'h-7 px-2.5 text-xs max-md:h-9 max-md:px-3',
        medium: 'h-8 px-3 text-sm max-md:h-11',
        icon: 'size-7 max-md:size-11 [&>svg]:size-4',
      },
    },
    defaultVariants: { look: 'plain', size: 'medium' },
  },
);

/** A button; `look` says how much it asks for, `size="icon"` makes it square (give it an aria-label). */
export function Button({
  look,
  size,
  className,
  ...rest
}: ComponentProps<'button'> & VariantProps<typeof styles>) {
  return <button type="button" {...rest} className={cn(styles({ look, size }), className)} />;
}
