import { useQuery } from '@tanstack/react-query';
import { Outlet, useParams, useRouter } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useRef } from 'react';
import { Group, Panel, useDefaultLayout } from 'react-resizable-panels';
import { Toaster } from 'sonner';
import { useLiveTasks } from '../server/live-tasks.ts';
import { meQuery } from '../server/queries.ts';
import { Sidebar } from '../sidebar/sidebar.tsx';
import { Button } from '../ui/button.tsx';
import { PaneSeparator } from '../ui/pane-separator.tsx';
import { Spinner } from '../ui/spinner.tsx';
import { useShortcuts } from './keyboard.ts';
import { NarrowTabs } from './narrow-tabs.tsx';
import { useScreen } from './preferences.ts';
import { ShortcutsDialog } from './shortcuts-dialog.tsx';
import { useViewport } from './viewport.ts';

const CommandPalette = lazy(async () => ({
  default: (await import('./command-palette.tsx')).CommandPalette,
}));

/** The signed-in page: task list, the screen beside it, and what floats above both. */
export function AppFrame() {
  const me = useQuery(meQuery);
  if (me.isPending) {
    return (
      <div role="status" className="flex h-full items-center justify-center gap-2 text-ink-3 text-sm">
        <Spinner /> Opening Shadow…
      </div>
    );
  }
  if (me.isError) return <Unreachable message={me.error.message} onRetry={() => void me.refetch()} />;
  return <SignedIn />;
}

function SignedIn() {
  useLiveTasks();
  useShortcuts();
  const viewport = useViewport();
  const paletteOpen = useScreen((screen) => screen.paletteOpen);
  return (
    <>
      {viewport === 'wide' ? <WideFrame /> : viewport === 'medium' ? <MediumFrame /> : <NarrowFrame />}
      <Suspense>{paletteOpen && <CommandPalette />}</Suspense>
      <ShortcutsDialog />
      <Toaster
        position="bottom-right"
        theme="system"
        toastOptions={{ className: '!rounded-xl !border-line !bg-raised !text-ink !shadow-(--shadow-pop)' }}
      />
    </>
  );
}

function WideFrame() {
  const layout = useDefaultLayout({ id: 'frame', onlySaveAfterUserInteractions: true });
  return (
    <Group {...layout} className="h-full">
      <Panel
        id="sidebar"
        defaultSize={260}
        minSize={200}
        maxSize={420}
        groupResizeBehavior="preserve-pixel-size"
      >
        <Sidebar />
      </Panel>
      <PaneSeparator label="Resize the task list" />
      <Panel id="screen" minSize={480}>
        <Outlet />
      </Panel>
    </Group>
  );
}

/** The task list comes over the screen when it is asked for. */
function MediumFrame() {
  const open = useScreen(({ sidebarOpen }) => sidebarOpen);
  const set = useScreen((screen) => screen.set);
  useOnNavigation(() => set({ sidebarOpen: false }));
  return (
    <div className="relative h-full">
      <Outlet />
      {open && (
        <>
          <button
            type="button"
            aria-label="Close the task list"
            className="fixed inset-0 z-20 bg-black/25"
            onClick={() => set({ sidebarOpen: false })}
          />
          <div className="motion-pop fixed inset-y-0 left-0 z-30 w-[280px] border-r shadow-(--shadow-pop)">
            <Sidebar />
          </div>
        </>
      )}
    </div>
  );
}

function NarrowFrame() {
  const { taskId } = useParams({ strict: false });
  const tab = useScreen(({ narrowTab }) => narrowTab);
  const set = useScreen((screen) => screen.set);
  useOnNavigation(() => set({ narrowTab: 'chat' }));
  return (
    <div className="flex h-full flex-col">
      <div className="min-h-0 flex-1">{tab === 'tasks' ? <Sidebar /> : <Outlet />}</div>
      <NarrowTabs inTask={taskId !== undefined} />
    </div>
  );
}

/** Calls back whenever a link is followed, also one to where the page already is. */
function useOnNavigation(callback: () => void): void {
  const router = useRouter();
  const latest = useRef(callback);
  latest.current = callback;
  useEffect(() => router.subscribe('onBeforeNavigate', () => latest.current()), [router]);
}

function Unreachable({ message, onRetry }: { message: string; onRetry: () => void }) {
  return (
    <main role="alert" className="flex h-full flex-col items-center justify-center gap-2 p-6 text-center">
      <h1 className="font-semibold">Shadow does not answer</h1>
      <p className="max-w-md text-ink-2 text-sm">{message}</p>
      <Button look="primary" onClick={onRetry} className="mt-2">
        Try again
      </Button>
    </main>
  );
}
