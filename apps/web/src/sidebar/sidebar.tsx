import type { Task } from '@shadow/protocol';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Search, Settings, SquarePen } from 'lucide-react';
import { useDeferredValue, useEffect, useState } from 'react';
import { Mark } from '../app/mark.tsx';
import { formatMoney, plural } from '../formatting/numbers.ts';
import { useConnectionState } from '../server/live-tasks.ts';
import { tasksQuery } from '../server/queries.ts';
import { GROUP_TITLE, groupTasks, TASK_GROUPS, type TaskGroup } from '../task/status.ts';
import { cn } from '../ui/cn.ts';
import { Tooltip } from '../ui/tooltip.tsx';
import { useLiveSentences } from './live-sentences.ts';
import { TaskRow } from './task-row.tsx';

/** The list of tasks with its search, groups and footer. */
export function Sidebar() {
  const { data: tasks, error, isPending } = useQuery(tasksQuery);
  const [search, setSearch] = useState('');
  const wanted = useDeferredValue(search.trim().toLowerCase());
  const connection = useConnectionState();
  const now = useNow();
  useLiveSentences(tasks ?? []);
  const shown = (tasks ?? []).filter((task) => matches(task, wanted));
  const groups = groupTasks(shown);
  return (
    <nav aria-label="Tasks" className="flex h-full min-h-0 flex-col bg-surface">
      <Header search={search} onSearch={setSearch} />
      <div className="min-h-0 flex-1 overflow-y-auto px-2 pb-3">
        {TASK_GROUPS.map((group) => (
          <Group
            key={group}
            group={group}
            tasks={groups[group]}
            now={now}
            stale={connection !== 'connected'}
          />
        ))}
        {error !== null && <p className="px-2.5 py-2 text-del text-xs">{error.message}</p>}
        {!isPending && error === null && shown.length === 0 && (
          <p className="px-2.5 py-2 text-ink-3 text-xs">
            {wanted === '' ? 'Tasks that you start appear here.' : `No task matches “${search.trim()}”.`}
          </p>
        )}
      </div>
      <Footer tasks={tasks ?? []} now={now} />
    </nav>
  );
}

function Header(props: { search: string; onSearch: (text: string) => void }) {
  return (
    <div className="shrink-0 space-y-2 px-2 pb-2">
      <div className="flex h-11 items-center justify-between pl-2.5">
        <Link to="/" className="flex items-center gap-2 rounded-md font-semibold text-sm tracking-[-0.01em]">
          <Mark className="size-5" />
          Shadow
        </Link>
        <Tooltip label="New task (N)">
          <Link
            to="/"
            aria-label="New task"
            className="flex size-7 items-center justify-center rounded-md text-ink-2 transition-colors hover:bg-hover hover:text-ink max-md:size-11"
          >
            <SquarePen className="size-4" aria-hidden />
          </Link>
        </Tooltip>
      </div>
      <label className="flex h-7 items-center gap-2 rounded-md border border-line bg-canvas px-2 text-ink-3 focus-within:border-accent max-md:h-11">
        <Search className="size-3.5 shrink-0" aria-hidden />
        <span className="sr-only">Search tasks</span>
        <input
          id="task-search"
          type="search"
          placeholder="Search"
          value={props.search}
          onChange={(event) => props.onSearch(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Escape') return;
            props.onSearch('');
            event.currentTarget.blur();
          }}
          className="w-full bg-transparent text-ink text-sm outline-none [&::-webkit-search-cancel-button]:hidden"
        />
      </label>
    </div>
  );
}

function Group(props: { group: TaskGroup; tasks: Task[]; now: number; stale: boolean }) {
  if (props.tasks.length === 0) return null;
  return (
    <section aria-label={GROUP_TITLE[props.group]} className="pt-2.5 first:pt-1">
      <h2
        className={cn(
          'flex items-center gap-1.5 px-2.5 pb-1 font-medium text-2xs',
          props.group === 'needs-you' ? 'text-amber' : 'text-ink-3',
        )}
      >
        {GROUP_TITLE[props.group]}
        <span className="font-normal opacity-80">{props.tasks.length}</span>
      </h2>
      <ul className="space-y-px">
        {props.tasks.map((task, index) => (
          <li key={task.id}>
            <TaskRow
              task={task}
              now={props.now}
              stale={props.stale}
              queuePosition={props.group === 'queued' ? index + 1 : null}
            />
          </li>
        ))}
      </ul>
    </section>
  );
}

const CONNECTION_TEXT = {
  connecting: 'Connecting…',
  connected: 'Connected',
  reconnecting: 'Reconnecting…',
  unauthenticated: 'Signed out',
  closed: 'Not connected',
} as const;

function Footer({ tasks, now }: { tasks: Task[]; now: number }) {
  const connection = useConnectionState();
  const running = groupTasks(tasks).running.length;
  const today = new Date(now).toDateString();
  const spent = tasks
    .filter((task) => new Date(task.createdAt).toDateString() === today)
    .reduce((sum, task) => sum + (task.usage.costUsd ?? 0), 0);
  return (
    <footer className="flex h-10 shrink-0 items-center gap-2 border-t px-4 text-2xs text-ink-3 max-md:h-12">
      <span role="status" className="flex items-center gap-1.5">
        <span
          aria-hidden
          className={cn(
            'size-1.5 rounded-full',
            connection === 'connected' ? 'bg-add' : 'motion-breathe bg-ink-3',
          )}
        />
        {connection === 'connected' ? (
          <span className="sr-only">Connected</span>
        ) : (
          CONNECTION_TEXT[connection]
        )}
      </span>
      {connection === 'connected' && <span>{plural(running, 'running', 'running')}</span>}
      <span aria-hidden>·</span>
      <span>{formatMoney(spent)} today</span>
      <Tooltip label="Settings" side="top">
        <Link
          to="/settings"
          aria-label="Settings"
          className="-mr-2 ml-auto flex size-7 items-center justify-center rounded-md text-ink-2 transition-colors hover:bg-hover hover:text-ink max-md:size-11"
          activeProps={{ className: 'bg-selected text-ink' }}
        >
          <Settings className="size-4" aria-hidden />
        </Link>
      </Tooltip>
    </footer>
  );
}

function matches(task: Task, wanted: string): boolean {
  if (wanted === '') return true;
  return [task.title, task.repository, task.branch ?? ''].some((text) => text.toLowerCase().includes(wanted));
}

/** The present time, moving on every half minute for the ages in the list. */
function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
