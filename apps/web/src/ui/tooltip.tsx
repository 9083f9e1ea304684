import { Tooltip as Radix } from 'radix-ui';
import type { ReactElement, ReactNode } from 'react';

/** Enables tooltips below it. */
export const TooltipProvider = Radix.Provider;

/** A hint for what its child does, shown on hover and focus. The child still needs its own accessible name. */
export function Tooltip(props: {
  label: ReactNode;
  side?: 'top' | 'bottom' | 'left' | 'right';
  children: ReactElement;
}) {
  return (
    <Radix.Root>
      <Radix.Trigger asChild>{props.children}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          side={props.side ?? 'bottom'}
          sideOffset={6}
          collisionPadding={8}
          className="motion-pop z-50 flex max-w-72 items-center gap-2 rounded-md bg-ink px-2 py-1 text-canvas text-xs shadow-(--shadow-pop)"
        >
          {props.label}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
