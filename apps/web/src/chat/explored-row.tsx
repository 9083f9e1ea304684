import type { ToolCallItem } from '@shadow/client';
import { Telescope } from 'lucide-react';
import { plural } from '../formatting/numbers.ts';
import { Spinner } from '../ui/spinner.tsx';
import { useRowOpen } from './expanded.ts';
import { Fold } from './fold.tsx';
import { ToolRow } from './tool-row.tsx';

/** Reads and searches that follow one another, folded into one line. */
export function ExploredRow({ calls, taskId }: { calls: readonly ToolCallItem[]; taskId: string }) {
  const [open, toggle] = useRowOpen(`${taskId} explored ${calls[0]?.id}`, false);
  const files = new Set(calls.filter(({ tool }) => tool === 'readFile').map(({ target }) => target)).size;
  const searches = calls.filter(({ tool }) => tool !== 'readFile').length;
  const running = calls.find(({ state }) => state === 'running');
  const what = [
    files > 0 ? plural(files, 'file') : '',
    searches > 0 ? plural(searches, 'search', 'searches') : '',
  ].filter((part) => part !== '');
  return (
    <Fold
      open={open}
      onToggle={toggle}
      testId="explored-row"
      summary={
        <>
          <Telescope className="size-3.5 shrink-0 text-ink-3" aria-hidden />
          <span className="shrink-0">
            {running === undefined ? 'Explored' : 'Exploring'} {what.join(', ')}
          </span>
          {running !== undefined && (
            <span className="min-w-0 truncate font-mono text-ink-3 text-xs">{running.target}</span>
          )}
        </>
      }
      end={running === undefined ? undefined : <Spinner className="size-3.5" />}
    >
      <div className="border-l pl-2.5">
        {calls.map((call) => (
          <ToolRow key={call.id} call={call} taskId={taskId} />
        ))}
      </div>
    </Fold>
  );
}
