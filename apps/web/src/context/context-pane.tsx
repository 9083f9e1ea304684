import type { TaskView } from '@shadow/client';
import type { Task } from '@shadow/protocol';
import { Tabs } from 'radix-ui';
import { lazy, Suspense } from 'react';
import { type ContextTab, usePreferences } from '../app/preferences.ts';
import { useViewport } from '../app/viewport.ts';
import { LineCounts } from '../ui/line-counts.tsx';

const ChangesPane = lazy(() => import('./changes/changes-pane.tsx'));
const TerminalPane = lazy(() => import('./terminal-pane.tsx'));
const StatsPane = lazy(() => import('./stats-pane.tsx'));

/** The tabs of the context pane, in their order; a new pane is one more entry here. */
const TABS = [
  { tab: 'changes', label: 'Changes', Pane: ChangesPane },
  { tab: 'terminal', label: 'Terminal', Pane: TerminalPane },
  { tab: 'stats', label: 'Stats', Pane: StatsPane },
] as const satisfies readonly { tab: ContextTab; label: string; Pane: unknown }[];

interface PaneProps {
  view: TaskView;
  task: Task;
  taskId: string;
}

/** What the task is about beside the talk: its changes, its commands, its costs. */
export function ContextPane(props: PaneProps) {
  const tab = usePreferences(({ contextTab }) => contextTab);
  const set = usePreferences((prefs) => prefs.set);
  const choose = (name: string) => {
    const known = TABS.find((entry) => entry.tab === name);
    if (known !== undefined) set({ contextTab: known.tab });
  };
  return (
    <Tabs.Root value={tab} onValueChange={choose} className="flex h-full min-h-0 flex-col">
      <Tabs.List aria-label="Context" className="flex h-11 shrink-0 items-center gap-0.5 border-b px-2">
        {TABS.map(({ tab: name, label }) => (
          <Tabs.Trigger
            key={name}
            value={name}
            className="h-7 rounded-md px-2.5 text-ink-2 text-sm transition-colors hover:text-ink data-[state=active]:bg-selected data-[state=active]:font-medium data-[state=active]:text-ink"
          >
            {label}
            {name === 'changes' && (
              <LineCounts
                additions={props.task.additions}
                deletions={props.task.deletions}
                className="ml-1.5 font-normal text-2xs"
              />
            )}
          </Tabs.Trigger>
        ))}
      </Tabs.List>
      {TABS.map(({ tab: name, Pane }) => (
        <Tabs.Content key={name} value={name} tabIndex={-1} className="min-h-0 flex-1 outline-none">
          <Suspense>
            <Pane {...props} />
          </Suspense>
        </Tabs.Content>
      ))}
    </Tabs.Root>
  );
}

/** One pane by itself, for the tabs of a small screen. */
export function SinglePane({ tab, ...props }: PaneProps & { tab: ContextTab }) {
  const viewport = useViewport();
  const Pane = TABS.find((entry) => entry.tab === tab)?.Pane ?? ChangesPane;
  return (
    <Suspense>
      <Pane {...props} key={viewport} />
    </Suspense>
  );
}
