import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Command } from 'cmdk';
import { Keyboard, LogOut, Settings, SquarePen } from 'lucide-react';
import type { ReactNode } from 'react';
import { api } from '../server/clients.ts';
import { tasksQuery } from '../server/queries.ts';
import { StatusGlyph } from '../task/status-glyph.tsx';
import { useScreen } from './preferences.ts';

const item =
  'flex h-9 items-center gap-2.5 rounded-md px-2.5 text-sm data-[selected=true]:bg-hover [&>svg]:size-4 [&>svg]:shrink-0 [&>svg]:text-ink-3 max-md:h-11';

/** Everything by name: tasks and actions. */
export function CommandPalette() {
  const open = useScreen(({ paletteOpen }) => paletteOpen);
  const set = useScreen((screen) => screen.set);
  const navigate = useNavigate();
  const { data: tasks } = useQuery(tasksQuery);
  const run = (action: () => unknown) => () => {
    set({ paletteOpen: false });
    action();
  };
  return (
    <Command.Dialog
      open={open}
      onOpenChange={(paletteOpen) => set({ paletteOpen })}
      label="Command palette"
      overlayClassName="fixed inset-0 z-40 bg-black/30 dark:bg-black/55"
      contentClassName="fixed top-[16vh] left-1/2 z-40 w-[calc(100vw-24px)] max-w-[560px] -translate-x-1/2 overflow-hidden rounded-xl border border-line bg-raised shadow-(--shadow-pop) outline-none"
    >
      <Command.Input
        placeholder="Go to a task or run a command"
        className="h-12 w-full border-line border-b bg-transparent px-4 text-base outline-none"
      />
      <Command.List className="max-h-[min(420px,56vh)] overflow-y-auto p-1.5">
        <Command.Empty className="px-3 py-6 text-center text-ink-3 text-sm">
          Nothing by that name.
        </Command.Empty>
        <Group heading="Commands">
          <Command.Item className={item} onSelect={run(() => navigate({ to: '/' }))}>
            <SquarePen aria-hidden /> New task
          </Command.Item>
          <Command.Item className={item} onSelect={run(() => navigate({ to: '/settings' }))}>
            <Settings aria-hidden /> Settings
          </Command.Item>
          <Command.Item className={item} onSelect={run(() => set({ shortcutsOpen: true }))}>
            <Keyboard aria-hidden /> Keyboard shortcuts
          </Command.Item>
          <Command.Item className={item} onSelect={run(signOut)}>
            <LogOut aria-hidden /> Sign out
          </Command.Item>
        </Group>
        <Group heading="Tasks">
          {(tasks ?? []).map((task) => (
            <Command.Item
              key={task.id}
              value={`${task.title} ${task.id}`}
              className={item}
              onSelect={run(() => navigate({ to: '/tasks/$taskId', params: { taskId: task.id } }))}
            >
              <StatusGlyph status={task.status} />
              <span className="truncate">{task.title}</span>
            </Command.Item>
          ))}
        </Group>
      </Command.List>
    </Command.Dialog>
  );
}

function Group({ heading, children }: { heading: string; children: ReactNode }) {
  return (
    <Command.Group
      heading={heading}
      className="[&_[cmdk-group-heading]]:px-2.5 [&_[cmdk-group-heading]]:pt-2 [&_[cmdk-group-heading]]:pb-1 [&_[cmdk-group-heading]]:font-medium [&_[cmdk-group-heading]]:text-2xs [&_[cmdk-group-heading]]:text-ink-3"
    >
      {children}
    </Command.Group>
  );
}

async function signOut(): Promise<void> {
  await api.signOut();
  // A full load drops the socket and everything that was cached for this person.
  window.location.assign('./sign-in');
}
