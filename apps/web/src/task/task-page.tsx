import type { Task } from '@shadow/protocol';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, useRouterState } from '@tanstack/react-router';
import { useEffect } from 'react';
import { Group, Panel, useDefaultLayout } from 'react-resizable-panels';
import { NotFound } from '../app/not-found.tsx';
import { usePreferences, useScreen } from '../app/preferences.ts';
import { useViewport } from '../app/viewport.ts';
import { ContextPane, SinglePane } from '../context/context-pane.tsx';
import { taskQuery } from '../server/queries.ts';
import { type FollowedTask, useTaskView } from '../server/task-store.ts';
import { PaneSeparator } from '../ui/pane-separator.tsx';
import { Spinner } from '../ui/spinner.tsx';
import { ChatPane } from './chat-pane.tsx';
import { useEffectiveTask } from './effective-task.ts';

const route = getRouteApi('/frame/tasks/$taskId');

/** A task: the talk with the agent, and beside it what came of it. */
export function TaskPage() {
  const { taskId } = route.useParams();
  const followed = useTaskView(taskId);
  const { data, error } = useQuery(taskQuery(taskId));
  const task = useEffectiveTask(data, followed.view);
  useEffect(() => {
    document.title = task === undefined ? 'Shadow' : `${task.title} · Shadow`;
    return () => {
      document.title = 'Shadow';
    };
  }, [task]);
  if (followed.error?.code === 'TASK_NOT_FOUND' || (error !== null && task === undefined))
    return <NotFound />;
  if (task === undefined) {
    return (
      <main role="status" className="flex h-full items-center justify-center">
        <Spinner />
        <span className="sr-only">Loading the task</span>
      </main>
    );
  }
  // A new key gives each task its own scroll position, drafts and open panels.
  return <Panes key={taskId} task={task} followed={followed} />;
}

function Panes({ task, followed }: { task: Task; followed: FollowedTask }) {
  const viewport = useViewport();
  const tab = useScreen(({ narrowTab }) => narrowTab);
  const layout = useDefaultLayout({ id: 'task', onlySaveAfterUserInteractions: true });
  useFileLinkTab();
  const chat = <ChatPane task={task} followed={followed} />;
  const pane = { view: followed.view, task, taskId: task.id };
  if (viewport === 'narrow') {
    return tab === 'chat' || tab === 'tasks' ? chat : <SinglePane {...pane} tab={tab} />;
  }
  return (
    <Group {...layout} className="h-full">
      <Panel id="chat" defaultSize="56%" minSize={360}>
        {chat}
      </Panel>
      <PaneSeparator label="Resize the context pane" />
      <Panel id="context" defaultSize="44%" minSize={280}>
        <ContextPane {...pane} />
      </Panel>
    </Group>
  );
}

/** A link to a file opens the tab that shows it. */
function useFileLinkTab(): void {
  const hash = useRouterState({ select: ({ location }) => location.hash });
  const set = usePreferences((prefs) => prefs.set);
  const setScreen = useScreen((screen) => screen.set);
  useEffect(() => {
    if (!hash.startsWith('file=')) return;
    set({ contextTab: 'changes' });
    setScreen({ narrowTab: 'changes' });
  }, [hash, set, setScreen]);
}
