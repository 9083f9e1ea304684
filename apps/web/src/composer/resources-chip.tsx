import { TaskResources } from '@shadow/protocol';
import { Cpu } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Button } from '../ui/button.tsx';
import { Popover } from '../ui/popover.tsx';
import { Chip } from './chip.tsx';
import { sizeOf } from './size-of.ts';

const { cpu: Processors, memory: Memory } = TaskResources.shape;

/** Sets what the task's workspace may use at most, where the installation can hold a task to that. */
export function ResourcesChip(props: {
  value: TaskResources | null;
  onChange: (resources: TaskResources | null) => void;
}) {
  const [open, setOpen] = useState(false);
  const [cpu, setCpu] = useState('');
  const [memory, setMemory] = useState('');
  const shown = props.value === null ? 'Usual size' : sizeOf(props.value);
  const choose = (resources: TaskResources | null) => {
    props.onChange(resources);
    setOpen(false);
  };
  const wanted = {
    ...(cpu.trim() === '' ? {} : { cpu: cpu.trim() }),
    ...(memory.trim() === '' ? {} : { memory: memory.trim() }),
  };
  const usable = Object.keys(wanted).length > 0 && TaskResources.safeParse(wanted).success;
  return (
    <Popover
      label="Size of the workspace"
      open={open}
      onOpenChange={(next) => {
        setOpen(next);
        setCpu(props.value?.cpu ?? '');
        setMemory(props.value?.memory ?? '');
      }}
      className="w-64 p-3"
      trigger={
        <Chip icon={<Cpu aria-hidden />} aria-label={`Size: ${shown}`}>
          {shown}
        </Chip>
      }
    >
      <form
        className="space-y-2"
        onSubmit={(event) => {
          event.preventDefault();
          if (usable) choose(wanted);
        }}
      >
        <Amount label="Processors, such as 500m or 2" value={cpu} onChange={setCpu} type={Processors} />
        <Amount label="Memory, such as 512Mi or 4Gi" value={memory} onChange={setMemory} type={Memory} />
        <div className="flex gap-1">
          <Button type="submit" look="primary" disabled={!usable}>
            Set
          </Button>
          <Button look="ghost" className="ml-auto" onClick={() => choose(null)}>
            Usual size
          </Button>
        </div>
      </form>
    </Popover>
  );
}

function Amount(props: {
  label: ReactNode;
  value: string;
  onChange: (text: string) => void;
  type: typeof Processors | typeof Memory;
}) {
  const isWrong = props.value.trim() !== '' && !props.type.safeParse(props.value.trim()).success;
  return (
    <label className="block text-xs">
      <span className="text-ink-2">{props.label}</span>
      <input
        value={props.value}
        aria-invalid={isWrong}
        onChange={(event) => props.onChange(event.target.value)}
        className="mt-1.5 h-8 w-full rounded-md border border-line-strong bg-transparent px-2 text-sm outline-none focus:border-accent aria-invalid:border-del"
      />
    </label>
  );
}
