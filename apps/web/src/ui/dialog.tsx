import { X } from 'lucide-react';
import { Dialog as Radix } from 'radix-ui';
import type { ReactNode } from 'react';
import { Button } from './button.tsx';
import { cn } from './cn.ts';

/** A modal panel with a title; focus stays inside, Esc closes. */
export function Dialog(props: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  className?: string;
  children: ReactNode;
}) {
  return (
    <Radix.Root open={props.open} onOpenChange={props.onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-black/30 dark:bg-black/55" />
        <Radix.Content
          aria-describedby={undefined}
          className={cn(
            '-translate-x-1/2 fixed top-[18vh] left-1/2 z-40 max-h-[72vh] w-[calc(100vw-24px)] max-w-md overflow-y-auto rounded-xl border border-line bg-raised p-5 shadow-(--shadow-pop) outline-none',
            props.className,
          )}
        >
          <div className="mb-3 flex items-start justify-between gap-4">
            <Radix.Title className="font-semibold text-base">{props.title}</Radix.Title>
            <Radix.Close asChild>
              <Button look="ghost" size="icon" aria-label="Close" className="-mt-1 -mr-1">
                <X aria-hidden />
              </Button>
            </Radix.Close>
          </div>
          {props.children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
