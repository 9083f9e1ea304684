import { CircleDollarSign } from 'lucide-react';
import { useState } from 'react';
import { Button } from '../ui/button.tsx';
import { Popover } from '../ui/popover.tsx';
import { Chip } from './chip.tsx';

const PRESETS = [1, 5, 20];

/** Sets what the task may spend at most; it pauses before it spends more. */
export function BudgetChip(props: { value: number | null; onChange: (usd: number | null) => void }) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState('');
  const shown = props.value === null ? 'No budget' : `$${props.value}`;
  const choose = (usd: number | null) => {
    props.onChange(usd);
    setOpen(false);
  };
  const typed = Number(text);
  const usable = text.trim() !== '' && Number.isFinite(typed) && typed > 0 && typed <= 100_000;
  return (
    <Popover
      label="Budget"
      open={open}
      onOpenChange={(next) => {
        setOpen(next);
        setText(props.value === null ? '' : String(props.value));
      }}
      className="w-64 p-3"
      trigger={
        <Chip icon={<CircleDollarSign aria-hidden />} aria-label={`Budget: ${shown}`}>
          {shown}
        </Chip>
      }
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (usable) choose(typed);
        }}
      >
        <label className="block text-xs">
          <span className="text-ink-2">Pause before the task spends more than</span>
          <span className="mt-1.5 flex gap-2">
            <span className="flex h-8 min-w-0 flex-1 items-center rounded-md border border-line-strong px-2 focus-within:border-accent">
              <span className="text-ink-3">$</span>
              <input
                inputMode="decimal"
                value={text}
                onChange={(event) => setText(event.target.value)}
                className="w-full bg-transparent pl-1 text-sm outline-none"
              />
            </span>
            <Button type="submit" look="primary" disabled={!usable}>
              Set
            </Button>
          </span>
        </label>
        <div className="mt-2 flex gap-1">
          {PRESETS.map((usd) => (
            <Button key={usd} look="ghost" size="small" onClick={() => choose(usd)}>
              ${usd}
            </Button>
          ))}
          <Button look="ghost" size="small" className="ml-auto" onClick={() => choose(null)}>
            No budget
          </Button>
        </div>
      </form>
    </Popover>
  );
}
