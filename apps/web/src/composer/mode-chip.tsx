import type { PermissionMode } from '@shadow/protocol';
import { Eye, Hand, Zap } from 'lucide-react';
import { Menu, MenuChoices } from '../ui/menu.tsx';
import { Chip } from './chip.tsx';

const MODES = [
  { value: 'plan', label: 'Plan', hint: 'Reads and proposes; changes nothing', Icon: Eye },
  { value: 'ask', label: 'Ask', hint: 'Asks before writing and running commands', Icon: Hand },
  { value: 'auto', label: 'Auto', hint: 'Works by itself within the policy', Icon: Zap },
] as const;

/** Picks how freely the agent may act. */
export function ModeChip(props: { value: PermissionMode; onChange: (mode: PermissionMode) => void }) {
  const mode = MODES.find(({ value }) => value === props.value) ?? MODES[1];
  return (
    <Menu
      align="start"
      className="w-72"
      trigger={
        <Chip icon={<mode.Icon aria-hidden />} aria-label={`Mode: ${mode.label}`}>
          {mode.label}
        </Chip>
      }
    >
      <MenuChoices value={props.value} choices={MODES} onChange={props.onChange} />
    </Menu>
  );
}
