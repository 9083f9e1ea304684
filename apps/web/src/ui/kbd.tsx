import { cn } from './cn.ts';

/** A key, as printed on it. */
export function Kbd({ children, className }: { children: string; className?: string }) {
  return (
    <kbd
      className={cn(
        'inline-flex h-[18px] min-w-[18px] items-center justify-center rounded border border-current/20 px-1 font-sans text-2xs leading-none opacity-80',
        className,
      )}
    >
      {children}
    </kbd>
  );
}
