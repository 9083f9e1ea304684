import type { TaskView } from '@shadow/client';
import type { Execution, Task } from '@shadow/protocol';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect } from 'react';
import { formatMoney, formatTokens } from '../formatting/numbers.ts';
import { formatDuration } from '../formatting/times.ts';
import { executionsQuery, queryClient } from '../server/queries.ts';
import { cn } from '../ui/cn.ts';
import { EmptyPane } from './empty-pane.tsx';

/** What the task used: budget, totals and a table by turn. */
export default function StatsPane({ view, task }: { view: TaskView; task: Task }) {
  const executions = useQuery(executionsQuery(task.id));
  const { usage } = task;
  // A turn that began or ended, or a model call that was paid, makes the table old.
  // biome-ignore lint/correctness/useExhaustiveDependencies: those are the reasons to fetch again
  useEffect(() => {
    void queryClient.invalidateQueries({ queryKey: ['executions', task.id] });
  }, [task.id, usage, view.turn]);
  const turns = executions.data ?? [];
  if (executions.isSuccess && turns.length === 0) {
    return <EmptyPane title="Nothing used yet">Tokens and cost of each turn show here.</EmptyPane>;
  }
  return (
    <div className="h-full space-y-6 overflow-y-auto p-4" data-testid="stats-pane">
      <dl className="grid grid-cols-3 gap-x-4 gap-y-4">
        <Figure label="Cost">{formatMoney(usage.costUsd)}</Figure>
        <Figure label="Tokens in">{formatTokens(usage.inputTokens)}</Figure>
        <Figure label="Tokens out">{formatTokens(usage.outputTokens)}</Figure>
        <Figure label="From cache">{share(usage.cachedTokens, usage.inputTokens)}</Figure>
        <Figure label="Reasoning">{formatTokens(usage.reasoningTokens)}</Figure>
        <Figure label="Tool calls">{turns.reduce((sum, turn) => sum + turn.toolCallsCount, 0)}</Figure>
      </dl>
      {task.budgetUsd !== null && <Budget spent={usage.costUsd ?? 0} budget={task.budgetUsd} />}
      <TurnTable turns={turns} />
      {usage.costUsd === null && (
        <p className="text-ink-3 text-xs">The price of {task.model} is not known, so no cost can be given.</p>
      )}
    </div>
  );
}

function Figure({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <dt className="text-ink-3 text-xs">{label}</dt>
      <dd className="mt-0.5 font-medium text-[17px] leading-6">{children}</dd>
    </div>
  );
}

function Budget({ spent, budget }: { spent: number; budget: number }) {
  const part = Math.min(1, spent / budget);
  return (
    <div>
      <p className="flex justify-between text-xs">
        <span className="text-ink-3">Budget</span>
        <span>
          {formatMoney(spent)} of {formatMoney(budget)}
        </span>
      </p>
      <div className="mt-1.5 h-1.5 overflow-hidden rounded-full bg-selected">
        <div
          className={cn('h-full rounded-full', part >= 1 ? 'bg-del' : 'bg-accent')}
          style={{ width: `${part * 100}%` }}
        />
      </div>
    </div>
  );
}

const head = 'pb-1.5 text-right font-normal text-ink-3 first:text-left';
const cell = 'border-t py-1.5 text-right first:text-left';

function TurnTable({ turns }: { turns: readonly Execution[] }) {
  return (
    <table className="w-full text-xs">
      <caption className="sr-only">Tokens and cost by turn</caption>
      <thead>
        <tr>
          <th className={head}>Turn</th>
          <th className={head}>In</th>
          <th className={head}>Out</th>
          <th className={head}>Calls</th>
          <th className={head}>Time</th>
          <th className={head}>Cost</th>
        </tr>
      </thead>
      <tbody>
        {turns.map((turn, index) => (
          <tr key={turn.id}>
            <td className={cell}>
              {index + 1} <span className="text-ink-3">{turn.status.replace('-', ' ')}</span>
            </td>
            <td className={cell}>{formatTokens(turn.usage.inputTokens)}</td>
            <td className={cell}>{formatTokens(turn.usage.outputTokens)}</td>
            <td className={cell}>{turn.toolCallsCount}</td>
            <td className={cell}>{timeOf(turn)}</td>
            <td className={cell}>{formatMoney(turn.usage.costUsd)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function timeOf(turn: Execution): string {
  if (turn.startedAt === null || turn.finishedAt === null) return '–';
  return formatDuration(Date.parse(turn.finishedAt) - Date.parse(turn.startedAt));
}

function share(part: number, whole: number): string {
  return whole === 0 ? '–' : `${Math.round((part / whole) * 100)}%`;
}
