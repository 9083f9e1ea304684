import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useEffect } from 'react';
import { tasksQuery } from '../server/queries.ts';
import { groupTasks, TASK_GROUPS } from '../task/status.ts';
import { useScreen } from './preferences.ts';

/** Keys that work anywhere but in a text field, for the help panel. */
export const SHORTCUTS = [
  { keys: ['Ctrl', 'K'], does: 'Command palette' },
  { keys: ['N'], does: 'New task' },
  { keys: ['/'], does: 'Search tasks' },
  { keys: ['J'], does: 'Next task' },
  { keys: ['K'], does: 'Previous task' },
  { keys: ['I'], does: 'Write to the agent' },
  { keys: ['Esc'], does: 'Interrupt the agent' },
  { keys: ['Enter'], does: 'Allow what is asked, once' },
  { keys: ['?'], does: 'This help' },
] as const;

/** True when the key was meant for a field, a menu or a dialog. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.matches('input, textarea, select')) return true;
  return target.closest('[role="dialog"], [role="menu"], [role="listbox"]') !== null;
}

/** The keys of the whole frame. */
export function useShortcuts(): void {
  const navigate = useNavigate();
  const cache = useQueryClient();
  const { taskId } = useParams({ strict: false });
  const setScreen = useScreen(({ set }) => set);

  useEffect(() => {
    const step = (by: number) => {
      const groups = groupTasks(cache.getQueryData(tasksQuery.queryKey) ?? []);
      const ordered = TASK_GROUPS.flatMap((group) => groups[group]);
      const here = ordered.findIndex(({ id }) => id === taskId);
      const next = ordered[here === -1 ? (by > 0 ? 0 : ordered.length - 1) : here + by];
      if (next !== undefined) void navigate({ to: '/tasks/$taskId', params: { taskId: next.id } });
    };
    const actions: Record<string, () => void> = {
      n: () => void navigate({ to: '/' }),
      '/': () => {
        setScreen({ narrowTab: 'tasks', sidebarOpen: true });
        requestAnimationFrame(() => document.getElementById('task-search')?.focus());
      },
      j: () => step(1),
      k: () => step(-1),
      i: () => {
        setScreen({ narrowTab: 'chat' });
        requestAnimationFrame(() => document.getElementById('prompt')?.focus());
      },
      '?': () => setScreen({ shortcutsOpen: true }),
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented) return;
      if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        setScreen({ paletteOpen: true });
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
      const action = actions[event.key.toLowerCase()];
      if (action === undefined) return;
      event.preventDefault();
      action();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [navigate, cache, taskId, setScreen]);
}
