import { useId } from 'react';

/** A labelled text field. */
export function Field(props: {
  label: string;
  value: string;
  onChange: (text: string) => void;
  type?: 'text' | 'password' | 'url';
  placeholder?: string;
  autoComplete?: string;
}) {
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-ink-2 text-xs">
        {props.label}
      </label>
      <input
        id={id}
        type={props.type ?? 'text'}
        value={props.value}
        placeholder={props.placeholder}
        autoComplete={props.autoComplete}
        spellCheck={false}
        onChange={(event) => props.onChange(event.target.value)}
        className="h-8 w-full rounded-md border border-line-strong bg-raised px-2.5 text-sm outline-none focus:border-accent max-md:h-11"
      />
    </div>
  );
}
