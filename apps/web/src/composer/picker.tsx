import { type ComponentProps, lazy, type ReactElement, Suspense, useState } from 'react';
import { Popover } from '../ui/popover.tsx';
import type Picker from './picker-list.tsx';

const load = () => import('./picker-list.tsx');
const PickerList = lazy(load);

type ListProps = Omit<ComponentProps<typeof Picker>, 'search' | 'onSearch'>;

/** A chip's searchable list. Its code is fetched when it is first opened. */
export function PickerPopover(
  props: ListProps & { trigger: ReactElement; label: string; onOpened?: () => void; className?: string },
) {
  const { trigger, label, onPick, onOpened, className, ...list } = props;
  const [open, setOpen] = useState(false);
  const [search, setSearch] = useState('');
  return (
    <Popover
      trigger={trigger}
      label={label}
      open={open}
      {...(className === undefined ? {} : { className })}
      onOpenChange={(next) => {
        setOpen(next);
        setSearch('');
        if (next) onOpened?.();
      }}
    >
      <Suspense fallback={<div className="h-40" />}>
        <PickerList
          {...list}
          search={search}
          onSearch={setSearch}
          onPick={(value) => {
            setOpen(false);
            onPick(value);
          }}
        />
      </Suspense>
    </Popover>
  );
}
