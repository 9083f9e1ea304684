import { Command } from 'cmdk';
import { Check } from 'lucide-react';
import type { ReactNode } from 'react';
import { Spinner } from '../ui/spinner.tsx';

/** One thing to pick. */
export interface Choice {
  value: string;
  label: string;
  /** A second, muted line: where it is, or why it cannot be picked. */
  hint?: string | undefined;
  icon?: ReactNode;
  disabled?: boolean;
}

/** A searchable list; with `freeText` what was typed can be picked as well. */
export default function PickerList(props: {
  placeholder: string;
  choices: readonly Choice[];
  value: string | null;
  onPick: (value: string) => void;
  freeText?: { label: (text: string) => string; accepts: (text: string) => boolean };
  search: string;
  onSearch: (text: string) => void;
  isLoading?: boolean;
  /** Shown instead of an empty list. */
  empty: ReactNode;
  footer?: ReactNode;
}) {
  const typed = props.search.trim();
  const offersText =
    props.freeText?.accepts(typed) === true && !props.choices.some(({ value }) => value === typed);
  return (
    <Command label={props.placeholder} loop>
      <Command.Input
        autoFocus
        value={props.search}
        onValueChange={props.onSearch}
        placeholder={props.placeholder}
        className="h-10 w-full border-line border-b bg-transparent px-3.5 text-sm outline-none max-md:h-12"
      />
      <Command.List className="max-h-72 overflow-y-auto p-1">
        {props.isLoading ? (
          <div className="flex items-center gap-2 px-2.5 py-3 text-ink-3 text-xs">
            <Spinner className="size-3.5" /> Loading…
          </div>
        ) : (
          !offersText && (
            <Command.Empty className="px-2.5 py-3 text-ink-3 text-xs">{props.empty}</Command.Empty>
          )
        )}
        {offersText && (
          <Command.Item
            value={typed}
            forceMount
            onSelect={() => props.onPick(typed)}
            className="flex min-h-9 items-center rounded-md px-2.5 py-1.5 text-sm data-[selected=true]:bg-hover"
          >
            <span className="truncate">{props.freeText?.label(typed)}</span>
          </Command.Item>
        )}
        {props.choices.map((choice) => (
          <Command.Item
            key={choice.value}
            value={choice.value}
            keywords={[choice.label]}
            disabled={choice.disabled ?? false}
            onSelect={() => props.onPick(choice.value)}
            className="flex min-h-9 items-center gap-2.5 rounded-md px-2.5 py-1.5 text-sm data-[disabled=true]:text-ink-3 data-[selected=true]:bg-hover max-md:min-h-11 [&>svg]:size-4 [&>svg]:shrink-0"
          >
            {choice.icon}
            <span className="min-w-0 flex-1">
              <span className="block truncate">{choice.label}</span>
              {choice.hint !== undefined && (
                <span className="block truncate text-ink-3 text-xs" title={choice.hint}>
                  {choice.hint}
                </span>
              )}
            </span>
            {choice.value === props.value && <Check aria-label="chosen" className="text-accent" />}
          </Command.Item>
        ))}
      </Command.List>
      {props.footer}
    </Command>
  );
}
