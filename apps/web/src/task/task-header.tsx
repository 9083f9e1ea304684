import { ShadowError, type Task } from '@shadow/protocol';
import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Archive, Copy, Ellipsis, GitBranch, Link2, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { toast } from 'sonner';
import { ScreenHeader } from '../app/screen-header.tsx';
import { api } from '../server/clients.ts';
import { dropTask, putTask } from '../server/queries.ts';
import { Button } from '../ui/button.tsx';
import { cn } from '../ui/cn.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Menu, MenuItem, MenuSeparator } from '../ui/menu.tsx';
import { tell } from './actions.ts';
import { STATUS_TEXT } from './status.ts';
import { StatusGlyph } from './status-glyph.tsx';

/** The task's title, how it stands, and what can be done with it as a whole. */
export function TaskHeader({ task, offline }: { task: Task; offline: boolean }) {
  return (
    <ScreenHeader
      title={
        <div className="flex min-w-0 items-center gap-2.5">
          <h1 className="min-w-0 truncate font-semibold text-sm">{task.title}</h1>
          <StatusPill task={task} offline={offline} />
          {task.branch !== null && (
            <span className="flex min-w-0 shrink-[2] items-center gap-1 text-ink-3 text-xs max-lg:hidden">
              <GitBranch className="size-3 shrink-0" aria-hidden />
              <span className="truncate font-mono text-2xs" title={task.branch}>
                {task.branch}
              </span>
            </span>
          )}
        </div>
      }
    >
      <TaskMenu task={task} />
    </ScreenHeader>
  );
}

function StatusPill({ task, offline }: { task: Task; offline: boolean }) {
  const { label, group } = STATUS_TEXT[task.status];
  return (
    <span
      role="status"
      data-testid="status"
      data-status={task.status}
      className={cn(
        'flex h-[22px] shrink-0 items-center gap-1.5 rounded-full border px-2 text-2xs',
        offline && 'border-dashed text-ink-3',
        !offline && (group === 'needs-you' ? 'border-amber-line bg-amber-soft text-amber' : 'text-ink-2'),
      )}
    >
      <StatusGlyph status={task.status} stale={offline} className={cn('size-3', offline && 'animate-none')} />
      {offline ? `Last known: ${label}` : label}
    </span>
  );
}

function TaskMenu({ task }: { task: Task }) {
  const navigate = useNavigate();
  const [confirming, setConfirming] = useState<'ask' | 'unsaved' | null>(null);
  const [refusal, setRefusal] = useState('');
  const archive = useMutation({
    mutationFn: () => api.archiveTask({ params: { taskId: task.id } }),
    onSuccess: (archived) => {
      putTask(archived);
      toast.success('Archived', { description: 'The work is kept as a bundle; the workspace is gone.' });
    },
    onError: (error) => tell('Could not archive the task', error),
  });
  const remove = useMutation({
    mutationFn: (discardWork: boolean) =>
      api.deleteTask({ params: { taskId: task.id }, query: { discardWork } }),
    onSuccess: () => {
      setConfirming(null);
      dropTask(task.id);
      void navigate({ to: '/' });
    },
    onError: (error) => {
      if (error instanceof ShadowError && error.code === 'WORKSPACE_HAS_UNSAVED_WORK') {
        setRefusal(error.message);
        setConfirming('unsaved');
        return;
      }
      setConfirming(null);
      tell('Could not delete the task', error);
    },
  });
  return (
    <>
      <Menu
        trigger={
          <Button look="ghost" size="icon" aria-label="Task menu" data-testid="task-menu">
            <Ellipsis aria-hidden />
          </Button>
        }
      >
        {task.branch !== null && (
          <MenuItem
            icon={<Copy aria-hidden />}
            onSelect={() => void copy(task.branch ?? '', 'Branch name copied')}
          >
            Copy branch name
          </MenuItem>
        )}
        <MenuItem
          icon={<Link2 aria-hidden />}
          onSelect={() => void copy(window.location.href.replace(/#.*/, ''), 'Link copied')}
        >
          Copy link
        </MenuItem>
        <MenuSeparator />
        <MenuItem
          icon={<Archive aria-hidden />}
          disabled={task.status === 'archived' || archive.isPending}
          onSelect={() => archive.mutate()}
        >
          Archive
        </MenuItem>
        <MenuItem icon={<Trash2 aria-hidden />} danger onSelect={() => setConfirming('ask')}>
          Delete…
        </MenuItem>
      </Menu>
      <Dialog
        open={confirming !== null}
        onOpenChange={(open) => !open && setConfirming(null)}
        title={
          confirming === 'unsaved' ? 'This task holds work that exists nowhere else' : 'Delete this task?'
        }
      >
        <div className="space-y-2 text-ink-2 text-sm" data-testid="delete-dialog">
          {confirming === 'unsaved' ? (
            <>
              <p>{refusal}</p>
              <p>Archive it to keep the work as a bundle, or discard the work for good.</p>
            </>
          ) : (
            <p>Its conversation, its events and its workspace go. This cannot be undone.</p>
          )}
        </div>
        <div className="mt-5 flex flex-wrap justify-end gap-2">
          <Button look="ghost" onClick={() => setConfirming(null)}>
            Keep it
          </Button>
          {confirming === 'unsaved' && (
            <Button
              onClick={() => {
                setConfirming(null);
                archive.mutate();
              }}
            >
              Archive instead
            </Button>
          )}
          <Button
            look="danger"
            disabled={remove.isPending}
            onClick={() => remove.mutate(confirming === 'unsaved')}
          >
            {confirming === 'unsaved' ? 'Discard work and delete' : 'Delete'}
          </Button>
        </div>
      </Dialog>
    </>
  );
}

async function copy(text: string, done: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast.success(done);
  } catch {
    // Without https the browser has no clipboard for pages.
    toast(text);
  }
}
