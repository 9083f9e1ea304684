import type { Task } from '@shadow/protocol';
import { Link } from '@tanstack/react-router';
import { memo } from 'react';
import { formatMoney } from '../formatting/numbers.ts';
import { formatAge } from '../formatting/times.ts';
import { STATUS_TEXT } from '../task/status.ts';
import { StatusGlyph } from '../task/status-glyph.tsx';
import { cn } from '../ui/cn.ts';
import { LineCounts } from '../ui/line-counts.tsx';
import { useSentence } from './live-sentences.ts';

/** Two lines of a task: title and age; what it does, what it changed, what it cost. */
export const TaskRow = memo(function TaskRow(props: {
  task: Task;
  now: number;
  stale: boolean;
  queuePosition: number | null;
}) {
  const { task } = props;
  const live = useSentence(task.id);
  const busy = task.status === 'running' || task.status === 'initializing';
  const sentence = (busy ? live : undefined) ?? sentenceOf(task, props.queuePosition);
  const needsYou = STATUS_TEXT[task.status].group === 'needs-you';
  return (
    <Link
      to="/tasks/$taskId"
      params={{ taskId: task.id }}
      data-testid="task-row"
      data-status={task.status}
      className="group block rounded-lg px-2.5 py-[7px] outline-offset-[-2px] hover:bg-hover max-md:py-3"
      activeProps={{ className: 'bg-selected hover:bg-selected' }}
    >
      <span className="flex items-baseline gap-2">
        <span className="min-w-0 flex-1 truncate font-medium text-sm">{task.title}</span>
        <time dateTime={task.createdAt} className="shrink-0 text-2xs text-ink-3">
          {formatAge(task.createdAt, props.now)}
        </time>
      </span>
      <span className="mt-0.5 flex items-center gap-1.5 text-xs">
        <StatusGlyph status={task.status} stale={props.stale} />
        <span className={cn('min-w-0 flex-1 truncate', needsYou ? 'text-amber' : 'text-ink-3')}>
          {sentence}
        </span>
        <LineCounts additions={task.additions} deletions={task.deletions} className="text-2xs" />
        {task.usage.costUsd !== null && task.usage.costUsd > 0 && (
          <span className="shrink-0 text-2xs text-ink-3">{formatMoney(task.usage.costUsd)}</span>
        )}
      </span>
    </Link>
  );
});

function sentenceOf(task: Task, queuePosition: number | null): string {
  if (queuePosition !== null) return `Queued · #${queuePosition}`;
  if (task.status === 'failed' && task.error !== null) return task.error.message;
  return STATUS_TEXT[task.status].sentence;
}
