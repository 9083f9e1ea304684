import { useNavigate } from '@tanstack/react-router';
import { ChartNoAxesColumn, FileDiff, List, MessageSquare, SquareTerminal } from 'lucide-react';
import { cn } from '../ui/cn.ts';
import { type NarrowTab, useScreen } from './preferences.ts';

const TABS = [
  { tab: 'tasks', label: 'Tasks', Icon: List, inTask: false },
  { tab: 'chat', label: 'Chat', Icon: MessageSquare, inTask: false },
  { tab: 'changes', label: 'Changes', Icon: FileDiff, inTask: true },
  { tab: 'terminal', label: 'Terminal', Icon: SquareTerminal, inTask: true },
  { tab: 'stats', label: 'Stats', Icon: ChartNoAxesColumn, inTask: true },
] as const satisfies readonly { tab: NarrowTab; label: string; Icon: unknown; inTask: boolean }[];

/** The tabs at the bottom of a small screen. */
export function NarrowTabs({ inTask }: { inTask: boolean }) {
  const active = useScreen(({ narrowTab }) => narrowTab);
  const set = useScreen((screen) => screen.set);
  const navigate = useNavigate();
  const shown = TABS.filter((tab) => inTask || !tab.inTask);
  return (
    <nav aria-label="Sections" className="shrink-0 border-t bg-surface pb-[env(safe-area-inset-bottom)]">
      <ul className="flex">
        {shown.map(({ tab, label, Icon }) => (
          <li key={tab} className="flex-1">
            <button
              type="button"
              aria-current={active === tab ? 'page' : undefined}
              onClick={() => {
                if (!inTask && tab === 'chat') void navigate({ to: '/' });
                set({ narrowTab: tab });
              }}
              className={cn(
                'flex h-[52px] w-full flex-col items-center justify-center gap-0.5 text-2xs outline-offset-[-3px]',
                active === tab ? 'text-accent' : 'text-ink-3',
              )}
            >
              <Icon className="size-[18px]" aria-hidden />
              {label === 'Chat' && !inTask ? 'New task' : label}
            </button>
          </li>
        ))}
      </ul>
    </nav>
  );
}
