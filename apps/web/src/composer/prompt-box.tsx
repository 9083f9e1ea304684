import { type ReactNode, type Ref, useEffect, useImperativeHandle, useLayoutEffect, useRef } from 'react';
import { cn } from '../ui/cn.ts';

/** Pixels that the box grows to before it scrolls. */
const MAX_HEIGHT = 320;

/** What a caller may do with a prompt box. */
export interface PromptBoxHandle {
  focus(): void;
}

/**
 * One text box that grows with what is typed. Enter sends, Shift+Enter starts a new line; on touch screens Enter is a
 * new line and the button sends.
 */
export function PromptBox(props: {
  value: string;
  onChange: (text: string) => void;
  onSend: () => void;
  placeholder: string;
  label: string;
  autoFocus?: boolean;
  rows?: number;
  /** Beneath the text: chips at the left, actions at the right. */
  footer: ReactNode;
  describedBy?: string | undefined;
  handle?: Ref<PromptBoxHandle>;
}) {
  const field = useRef<HTMLTextAreaElement>(null);
  useImperativeHandle(props.handle, () => ({ focus: () => field.current?.focus() }), []);
  useEffect(() => {
    if (props.autoFocus && window.matchMedia('(pointer: fine)').matches) field.current?.focus();
  }, [props.autoFocus]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height follows the text
  useLayoutEffect(() => {
    const element = field.current;
    if (element === null) return;
    element.style.height = '0';
    element.style.height = `${Math.min(MAX_HEIGHT, element.scrollHeight)}px`;
  }, [props.value]);
  return (
    <div
      className={cn(
        'rounded-2xl border border-line-strong bg-raised shadow-[0_1px_2px_rgb(0_0_0/0.04)] transition-colors',
        'focus-within:border-accent/70 has-[textarea:focus-visible]:shadow-[0_0_0_3px_color-mix(in_oklab,var(--accent)_14%,transparent)]',
      )}
    >
      <textarea
        ref={field}
        id="prompt"
        data-testid="composer-input"
        rows={props.rows ?? 1}
        value={props.value}
        placeholder={props.placeholder}
        aria-label={props.label}
        aria-describedby={props.describedBy}
        onChange={(event) => props.onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') event.currentTarget.blur();
          const sends = event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing;
          if (!sends || window.matchMedia('(pointer: coarse)').matches) return;
          event.preventDefault();
          props.onSend();
        }}
        className="block w-full resize-none bg-transparent px-4 pt-3.5 pb-1 text-base outline-none"
        style={{ minHeight: (props.rows ?? 1) * 22 + 18 }}
      />
      <div className="flex min-h-11 items-end gap-1 px-2 pb-2">{props.footer}</div>
    </div>
  );
}
