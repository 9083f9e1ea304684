import { Check } from 'lucide-react';
import { DropdownMenu } from 'radix-ui';
import type { ReactElement, ReactNode } from 'react';
import { cn } from './cn.ts';

const row =
  'flex cursor-default select-none items-center gap-2.5 rounded-md px-2 py-1.5 text-sm outline-none data-[highlighted]:bg-hover data-[disabled]:opacity-45 max-md:min-h-11 [&>svg]:size-4 [&>svg]:shrink-0';

/** A menu that opens from its trigger. */
export function Menu(props: {
  trigger: ReactElement;
  align?: 'start' | 'end';
  className?: string;
  children: ReactNode;
}) {
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger asChild>{props.trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align={props.align ?? 'end'}
          sideOffset={6}
          collisionPadding={8}
          className={cn(
            'motion-pop z-40 min-w-48 rounded-xl border border-line bg-raised p-1 shadow-(--shadow-pop)',
            props.className,
          )}
        >
          {props.children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

/** One action of a menu. */
export function MenuItem(props: {
  icon?: ReactNode;
  danger?: boolean;
  disabled?: boolean;
  onSelect: () => void;
  children: ReactNode;
}) {
  return (
    <DropdownMenu.Item
      disabled={props.disabled ?? false}
      onSelect={props.onSelect}
      className={cn(row, props.danger && 'text-del')}
    >
      {props.icon}
      {props.children}
    </DropdownMenu.Item>
  );
}

/** A line between groups of a menu. */
export function MenuSeparator() {
  return <DropdownMenu.Separator className="-mx-1 my-1 h-px bg-line" />;
}

/** One of several that exclude each other, with a line of explanation. */
export function MenuChoices<Value extends string>(props: {
  value: Value;
  choices: readonly { value: Value; label: string; hint: string }[];
  onChange: (value: Value) => void;
}) {
  const choose = (text: string) => {
    const choice = props.choices.find(({ value }) => value === text);
    if (choice !== undefined) props.onChange(choice.value);
  };
  return (
    <DropdownMenu.RadioGroup value={props.value} onValueChange={choose}>
      {props.choices.map((choice) => (
        <DropdownMenu.RadioItem
          key={choice.value}
          value={choice.value}
          className={cn(row, 'items-start pr-3')}
        >
          <span className="mt-px flex size-4 items-center justify-center text-accent">
            <DropdownMenu.ItemIndicator>
              <Check className="size-4" aria-hidden />
            </DropdownMenu.ItemIndicator>
          </span>
          <span className="min-w-0">
            <span className="block">{choice.label}</span>
            <span className="block text-ink-3 text-xs">{choice.hint}</span>
          </span>
        </DropdownMenu.RadioItem>
      ))}
    </DropdownMenu.RadioGroup>
  );
}
