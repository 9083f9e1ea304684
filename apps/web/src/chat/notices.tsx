import type { CommitItem, NoticeItem, TurnFinishedItem } from '@shadow/client';
import { CircleAlert, GitCommitHorizontal, Info, RotateCw } from 'lucide-react';
import type { ReactNode } from 'react';
import { formatMoney, plural } from '../formatting/numbers.ts';
import { formatDuration } from '../formatting/times.ts';
import { useTaskActions } from '../task/actions.ts';
import { Button } from '../ui/button.tsx';
import { LineCounts } from '../ui/line-counts.tsx';

/** Something to know that is no error: a retry, a wait. */
export function Notice({ item }: { item: NoticeItem }) {
  return (
    <p className="flex min-h-7 items-center gap-2 text-ink-3 text-sm">
      <Info className="size-3.5 shrink-0" aria-hidden />
      <span className="min-w-0 [overflow-wrap:anywhere]">{item.message}</span>
    </p>
  );
}

/** A commit on the task's branch. */
export function Commit({ item }: { item: CommitItem }) {
  return (
    <p className="flex min-h-7 items-center gap-2 text-ink-2 text-sm" data-testid="commit">
      <GitCommitHorizontal className="size-3.5 shrink-0 text-ink-3" aria-hidden />
      <code className="font-mono text-ink-3 text-xs">{item.commit.slice(0, 7)}</code>
      <span className="min-w-0 truncate">{item.subject}</span>
      <span className="ml-auto flex shrink-0 items-center gap-2 pl-2 text-ink-3 text-xs">
        <span className="max-md:hidden">{plural(item.filesChanged, 'file')}</span>
        <LineCounts additions={item.additions} deletions={item.deletions} />
      </span>
    </p>
  );
}

/** The end of a turn: a quiet line when it went well, else what failed, what is kept and what to do. */
export function TurnEnd(props: {
  item: TurnFinishedItem;
  taskId: string;
  isLast: boolean;
  budgetUsd: number | null;
}) {
  const { item, taskId } = props;
  const meta = [
    formatDuration(item.durationMs),
    ...(item.usage.costUsd ? [formatMoney(item.usage.costUsd)] : []),
  ];
  if (item.status === 'completed') return <Line>Finished · {meta.join(' · ')}</Line>;
  if (item.status === 'stopped')
    return <Line>Stopped by you · {meta.join(' · ')} · what was done is kept</Line>;
  if (item.status === 'budget-exceeded') {
    return <BudgetSpent taskId={taskId} isLast={props.isLast} budgetUsd={props.budgetUsd} />;
  }
  if (item.status === 'interrupted') {
    return (
      <Failure title="The turn was interrupted" taskId={taskId} action={props.isLast ? 'Go on' : null}>
        {item.error?.message ?? 'The server ended while the agent was at work.'} Files, messages and events
        are saved; send a message or go on from here.
      </Failure>
    );
  }
  return (
    <Failure title="The turn failed" taskId={taskId} action={props.isLast ? 'Try again' : null}>
      {item.error?.message ?? 'No reason was given.'} What the agent did before is saved.
    </Failure>
  );
}

/** The budget bounds the whole task: going on means to raise it by as much again. */
function BudgetSpent(props: { taskId: string; isLast: boolean; budgetUsd: number | null }) {
  const { retry, goOnWithBudget } = useTaskActions(props.taskId);
  const budget = props.budgetUsd;
  if (budget === null) {
    return (
      <Alert
        title="The budget was spent"
        action={props.isLast ? { label: 'Go on', ...actionOf(retry) } : null}
      >
        The task paused; it has no budget any more. Everything it did is saved.
      </Alert>
    );
  }
  const goOn = {
    label: `Go on with ${formatMoney(budget)} more`,
    pending: goOnWithBudget.isPending,
    run: () => goOnWithBudget.mutate(budget * 2),
  };
  return (
    <Alert title="The budget is spent" action={props.isLast ? goOn : null}>
      The task reached its budget of {formatMoney(budget)} and paused. Everything it did is saved.
    </Alert>
  );
}

function actionOf(mutation: { isPending: boolean; mutate: () => void }) {
  return { pending: mutation.isPending, run: () => mutation.mutate() };
}

function Line({ children }: { children: ReactNode }) {
  return <p className="text-ink-3 text-xs">{children}</p>;
}

function Failure(props: { title: string; taskId: string; action: string | null; children: ReactNode }) {
  const { retry } = useTaskActions(props.taskId);
  const action = props.action === null ? null : { label: props.action, ...actionOf(retry) };
  return (
    <Alert title={props.title} action={action}>
      {props.children}
    </Alert>
  );
}

interface AlertAction {
  label: string;
  pending: boolean;
  run: () => void;
}

function Alert(props: { title: string; action: AlertAction | null; children: ReactNode }) {
  return (
    <div
      role="alert"
      data-testid="turn-error"
      className="rounded-xl border border-line bg-surface px-3.5 py-3 text-sm"
    >
      <p className="flex items-center gap-2 font-medium">
        <CircleAlert className="size-4 shrink-0 text-del" aria-hidden />
        {props.title}
      </p>
      <p className="mt-1 pl-6 text-ink-2 [overflow-wrap:anywhere]">{props.children}</p>
      {props.action !== null && (
        <Button
          size="small"
          className="mt-2.5 ml-6"
          disabled={props.action.pending}
          onClick={props.action.run}
        >
          <RotateCw className="size-3.5" aria-hidden /> {props.action.label}
        </Button>
      )}
    </div>
  );
}
