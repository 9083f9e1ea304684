import type { TaskView, ToolCallItem } from '@shadow/client';
import { useMemo, useState } from 'react';
import { CallState } from '../chat/tool-row.tsx';
import { cn } from '../ui/cn.ts';
import { EmptyPane } from './empty-pane.tsx';
import { ProcessOutputView } from './process-output.tsx';

/** The task's processes, newest first, and the output of one of them. */
export default function TerminalPane({ view, taskId }: { view: TaskView; taskId: string }) {
  const processes = useMemo(() => processesOf(view), [view]);
  const [chosen, setChosen] = useState<string | null>(null);
  const shown = processes.find(({ id }) => id === chosen) ?? processes[0];
  if (shown === undefined || shown.processId === null) {
    return <EmptyPane title="No commands yet">What the agent runs shows here, with its output.</EmptyPane>;
  }
  return (
    <div className="flex h-full min-h-0 flex-col gap-2 p-3" data-testid="terminal-pane">
      <ul
        aria-label="Commands"
        className={cn('max-h-[34%] shrink-0 overflow-y-auto', processes.length === 1 && 'hidden')}
      >
        {processes.map((process) => (
          <li key={process.id}>
            <button
              type="button"
              aria-pressed={process.id === shown.id}
              onClick={() => setChosen(process.id)}
              className={cn(
                'flex h-7 w-full items-center gap-2 rounded-md px-2 text-left font-mono text-xs hover:bg-hover max-md:h-11',
                process.id === shown.id ? 'bg-selected text-ink hover:bg-selected' : 'text-ink-2',
              )}
            >
              <span className="min-w-0 flex-1 truncate">{process.target}</span>
              <span className="shrink-0 font-sans text-ink-3">{process.summary}</span>
              <CallState state={process.state} exitCode={process.exitCode} />
            </button>
          </li>
        ))}
      </ul>
      <p className="shrink-0 truncate px-1 font-mono text-xs" title={shown.target}>
        <span className="select-none text-ink-3">$ </span>
        {shown.target}
      </p>
      <div className="flex min-h-0 flex-1 flex-col [&>div]:flex [&>div]:min-h-0 [&>div]:flex-1 [&>div]:flex-col">
        <ProcessOutputView
          key={shown.processId}
          taskId={taskId}
          processId={shown.processId}
          fallback={shown.preview}
          className="min-h-0 flex-1"
        />
      </div>
    </div>
  );
}

function processesOf(view: TaskView): ToolCallItem[] {
  const calls: ToolCallItem[] = [];
  for (const item of view.timeline) {
    if (item.kind === 'tool-call' && item.processId !== null && item.tool === 'executeCommand')
      calls.push(item);
  }
  return calls.reverse();
}
